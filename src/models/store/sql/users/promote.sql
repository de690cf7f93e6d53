WITH target AS (
    SELECT role AS former_role FROM users WHERE id = $1 FOR NO KEY UPDATE
), changed AS (
    UPDATE users u
    SET role = 'admin', updated_at = clock_timestamp()
    FROM target
    WHERE u.id = $1 AND u.closed_at IS NULL AND u.disabled_at IS NULL
    RETURNING u.id, u.username, u.email, u.role, u.disabled_at, u.created_at, u.updated_at
), audited AS (
    INSERT INTO audit_entries (origin, action, target_kind, target_id, detail)
    SELECT
        $2::jsonb, 'user.role.change', 'user', changed.id::text,
        json_build_object('former_role', former_role, 'role', changed.role, 'disabled', false)
    FROM changed, target
    WHERE changed.role <> former_role
)
SELECT id, username, email, role, disabled_at, created_at, updated_at
FROM changed
