-- Members in the order in which they came.
SELECT
    t.id, t.name, t.revision, t.created_at, t.updated_at, m.role,
    ARRAY(SELECT o.user_id FROM team_members o WHERE o.team_id = t.id ORDER BY o.created_at, o.user_id) AS member_ids,
    ARRAY(
        SELECT u.username::text FROM team_members o JOIN users u ON u.id = o.user_id
        WHERE o.team_id = t.id ORDER BY o.created_at, o.user_id
    ) AS member_names,
    ARRAY(SELECT o.role FROM team_members o WHERE o.team_id = t.id ORDER BY o.created_at, o.user_id) AS member_roles,
    ARRAY(SELECT o.created_at FROM team_members o WHERE o.team_id = t.id ORDER BY o.created_at, o.user_id) AS member_since
FROM teams t
JOIN team_members m ON m.team_id = t.id
WHERE t.id = $1 AND m.user_id = $2 AND m.role = ANY ($3::text[]) AND m.team_id = coalesce($4, m.team_id)
