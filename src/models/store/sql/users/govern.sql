-- What an administrator decides about an account. One that its owner has closed stays so. Triggers end its sessions where it may do
-- less, or something else, from now on.
WITH target AS (
    SELECT role AS former_role, disabled_at AS formerly_disabled_at FROM users WHERE id = $1 FOR NO KEY UPDATE
), changed AS (
    UPDATE users u
    SET
        role = coalesce($2, u.role),
        disabled_at = CASE
            WHEN $3::boolean IS NULL THEN u.disabled_at
            WHEN $3 THEN coalesce(u.disabled_at, clock_timestamp())
        END,
        updated_at = greatest(clock_timestamp(), u.updated_at + interval '1 microsecond')
    FROM target
    WHERE u.id = $1 AND u.closed_at IS NULL
        AND ($4::bigint IS NULL OR (extract(epoch FROM u.updated_at) * 1000000)::bigint = $4)
    RETURNING u.id, u.username, u.email, u.role, u.disabled_at, u.created_at, u.updated_at
), audited AS (
    INSERT INTO audit_entries (origin, action, target_kind, target_id, detail)
    SELECT
        $5::jsonb,
        CASE
            WHEN changed.role <> former_role THEN 'user.role.change'
            WHEN changed.disabled_at IS NULL THEN 'user.enable'
            ELSE 'user.disable'
        END,
        'user', changed.id::text,
        json_build_object('former_role', former_role, 'role', changed.role, 'disabled', changed.disabled_at IS NOT NULL)
    FROM changed, target
    WHERE changed.role <> former_role OR (changed.disabled_at IS NULL) <> (formerly_disabled_at IS NULL)
)
SELECT id, username, email, role, disabled_at, created_at, updated_at
FROM changed
