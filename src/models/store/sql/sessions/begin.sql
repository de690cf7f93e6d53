-- Waits for whoever changes the account at this moment: a password that was checked is still the one, and the role that the
-- tokens will carry, or nothing begins.
WITH person AS (
    SELECT id FROM users WHERE id = $3 AND password_hash = $4 AND role = $8 AND disabled_at IS NULL FOR SHARE
), begun AS (
    INSERT INTO sessions (id, user_id, expires_at, access_until)
    SELECT
        $1, person.id, clock_timestamp() + $6::bigint * interval '1 second',
        clock_timestamp() + $7::bigint * interval '1 second'
    FROM person
    RETURNING id, user_id, expires_at
), audited AS (
    INSERT INTO audit_entries (origin, action, target_kind, target_id)
    SELECT $9::jsonb, 'session.begin', 'session', begun.id::text
    FROM begun
)
INSERT INTO refresh_tokens (id, family_id, user_id, token_hash, expires_at)
SELECT $2, begun.id, begun.user_id, $5, begun.expires_at FROM begun
