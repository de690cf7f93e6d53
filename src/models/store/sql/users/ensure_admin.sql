-- A person who was there before under that very name becomes administrator and keeps the password. Nothing comes of a name that
-- differs in case: who has it may be somebody else.
WITH former AS (
    SELECT role AS former_role FROM users WHERE lower(username) = lower($2)
), made AS (
    INSERT INTO users (id, username, email, password_hash, role)
    VALUES ($1, $2, $3, $4, 'admin')
    ON CONFLICT (lower(username)) DO UPDATE SET role = 'admin', updated_at = clock_timestamp()
    WHERE users.username = excluded.username
    RETURNING id, username, email, role, disabled_at, created_at, updated_at, (xmax = 0) AS is_new
), audited AS (
    INSERT INTO audit_entries (origin, action, target_kind, target_id, detail)
    SELECT
        $5::jsonb, CASE WHEN made.is_new THEN 'user.create' ELSE 'user.role.change' END, 'user', made.id::text,
        json_build_object('role', made.role)
    FROM made LEFT JOIN former ON true
    WHERE made.is_new OR former_role IS DISTINCT FROM 'admin'
)
SELECT id, username, email, role, disabled_at, created_at, updated_at, is_new
FROM made
