-- Nothing, where the user has as many good ones already.
INSERT INTO api_keys (id, user_id, team_id, name, prefix, key_hash, permissions, expires_at)
SELECT $1, $2, $3, $4, $5, $6, $7, $8
WHERE (
    SELECT count(*) FROM api_keys
    WHERE user_id = $2 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp())
) < $9::bigint
RETURNING id, user_id, team_id, name, prefix, permissions, created_at, expires_at, last_used_at, replaced_by
