-- One statement, so that all of it is of one moment.
SELECT
    t.id, t.revision, t.closing_at IS NOT NULL OR t.deleted_at IS NOT NULL AS is_closed, t.deleted_at,
    ARRAY(SELECT m.user_id FROM team_members m WHERE m.team_id = t.id ORDER BY m.user_id) AS member_ids,
    ARRAY(SELECT m.role FROM team_members m WHERE m.team_id = t.id ORDER BY m.user_id) AS member_roles
FROM teams t
WHERE t.id = $1
