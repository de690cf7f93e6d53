-- The revision tells how new this is: an event that is no newer says nothing more.
SELECT m.team_id, team.revision
FROM team_members m
CROSS JOIN LATERAL (SELECT t.revision FROM teams t WHERE t.id = m.team_id OFFSET 0) AS team
WHERE m.user_id = $1 AND m.role = ANY ($2::text[]) AND m.team_id = coalesce($3, m.team_id)
