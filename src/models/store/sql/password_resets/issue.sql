-- In the place of the one before it: of two messages with a token only the later one is good. Nobody gets one whose account is not
-- open.
WITH issued AS (
    INSERT INTO password_resets (token_hash, user_id, issued_by, expires_at)
    SELECT $2, id, $3, clock_timestamp() + $4::bigint * interval '1 second'
    FROM users
    WHERE id = $1 AND disabled_at IS NULL
    ON CONFLICT (user_id) WHERE spent_at IS NULL DO UPDATE
    SET token_hash = EXCLUDED.token_hash, issued_by = EXCLUDED.issued_by, created_at = clock_timestamp(), expires_at = EXCLUDED.expires_at
    RETURNING user_id
)
INSERT INTO audit_entries (origin, action, target_kind, target_id)
SELECT $5::jsonb, 'user.password_reset.issue', 'user', issued.user_id::text
FROM issued
