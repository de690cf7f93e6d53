-- Under the lock of the session, by a transaction that has found the token good.
WITH spent AS (
    UPDATE refresh_tokens SET spent_at = clock_timestamp() WHERE id = $1 AND spent_at IS NULL RETURNING family_id, user_id
), prolonged AS (
    UPDATE sessions
    SET
        expires_at = greatest(sessions.expires_at, clock_timestamp() + $4::bigint * interval '1 second'),
        access_until = greatest(sessions.access_until, clock_timestamp() + $5::bigint * interval '1 second')
    FROM spent
    WHERE sessions.id = spent.family_id
    RETURNING sessions.id
)
INSERT INTO refresh_tokens (id, family_id, user_id, token_hash, expires_at)
SELECT $2, prolonged.id, spent.user_id, $3, clock_timestamp() + $4::bigint * interval '1 second'
FROM spent, prolonged
