WITH made AS (
    INSERT INTO users (id, username, email, password_hash, role)
    VALUES ($1, $2, $3, $4, $5)
    RETURNING id, username, email, role, disabled_at, created_at, updated_at
), audited AS (
    INSERT INTO audit_entries (origin, action, target_kind, target_id, detail)
    SELECT $6::jsonb, 'user.create', 'user', made.id::text, json_build_object('role', made.role)
    FROM made
)
SELECT id, username, email, role, disabled_at, created_at, updated_at
FROM made
