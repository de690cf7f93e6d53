UPDATE sessions
SET revoked_at = clock_timestamp()
WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL
RETURNING id, user_id, access_until
