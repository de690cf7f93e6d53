-- The name stays taken. The address and the password go.
WITH changed AS (
    UPDATE users
    SET
        closed_at = clock_timestamp(), disabled_at = clock_timestamp(), email = NULL, password_hash = '',
        updated_at = greatest(clock_timestamp(), updated_at + interval '1 microsecond')
    WHERE id = $1 AND disabled_at IS NULL AND role <> 'admin'
        AND ($2::bigint IS NULL OR (extract(epoch FROM updated_at) * 1000000)::bigint = $2)
    RETURNING id
)
INSERT INTO audit_entries (origin, action, target_kind, target_id)
SELECT $3::jsonb, 'user.close', 'user', changed.id::text
FROM changed
