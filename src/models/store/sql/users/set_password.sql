-- Whatever the present one is: who asks has proved to be the owner in another way.
WITH changed AS (
    UPDATE users
    SET password_hash = $2, updated_at = greatest(clock_timestamp(), updated_at + interval '1 microsecond')
    WHERE id = $1 AND disabled_at IS NULL
    RETURNING id
)
INSERT INTO audit_entries (origin, action, target_kind, target_id)
SELECT $3::jsonb, 'user.password.reset', 'user', changed.id::text
FROM changed
