-- The one before it is spent with that: of two messages with a token only the later one is good. Nobody gets one whose account is
-- not open.
WITH target AS (
    SELECT id FROM users WHERE id = $1 AND disabled_at IS NULL FOR NO KEY UPDATE
), overtaken AS (
    UPDATE password_resets
    SET spent_at = clock_timestamp()
    WHERE user_id IN (SELECT id FROM target) AND spent_at IS NULL
    RETURNING token_hash
)
INSERT INTO password_resets (token_hash, user_id, issued_by, expires_at)
SELECT $2, target.id, $3, clock_timestamp() + $4::bigint * interval '1 second'
FROM target
WHERE (SELECT count(*) FROM overtaken) >= 0
