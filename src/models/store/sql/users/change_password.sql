-- Nothing changes when somebody else was faster: the password that was checked is not the one any more.
WITH changed AS (
    UPDATE users
    SET password_hash = $3, updated_at = greatest(clock_timestamp(), updated_at + interval '1 microsecond')
    WHERE id = $1 AND password_hash = $2 AND disabled_at IS NULL
    RETURNING id
)
INSERT INTO audit_entries (origin, action, target_kind, target_id)
SELECT $4::jsonb, 'user.password.change', 'user', changed.id::text
FROM changed
