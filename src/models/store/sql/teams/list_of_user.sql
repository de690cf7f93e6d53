SELECT team.id, team.name, team.revision, team.created_at, team.updated_at, m.role
FROM team_members m
CROSS JOIN LATERAL (
    SELECT t.id, t.name, t.revision, t.created_at, t.updated_at FROM teams t WHERE t.id = m.team_id OFFSET 0
) AS team
WHERE m.user_id = $1
    AND m.role = ANY ($2::text[])
    AND m.team_id = coalesce($3, m.team_id)
    AND m.team_id < coalesce($4, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
ORDER BY m.team_id DESC
LIMIT $5
