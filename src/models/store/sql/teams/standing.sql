SELECT t.revision, t.closing_at, m.role, (SELECT count(*) FROM team_members o WHERE o.team_id = t.id) AS members
FROM teams t
JOIN team_members m ON m.team_id = t.id
WHERE t.id = $1 AND m.user_id = $2 AND m.team_id = coalesce($3, m.team_id)
