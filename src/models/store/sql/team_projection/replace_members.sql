WITH gone AS (
    DELETE FROM team_members m
    WHERE m.team_id = $1 AND m.user_id <> ALL ($2::uuid[])
)
INSERT INTO team_members AS m (team_id, user_id, role)
SELECT $1, member_id, member_role
FROM unnest($2::uuid[], $3::text[]) AS member (member_id, member_role)
ON CONFLICT (team_id, user_id) DO UPDATE
SET role = EXCLUDED.role
WHERE m.role <> EXCLUDED.role
