INSERT INTO refresh_tokens (id, family_id, user_id, token_hash, expires_at)
VALUES ($1, $2, $3, $4, clock_timestamp() + $5::bigint * interval '1 second')
