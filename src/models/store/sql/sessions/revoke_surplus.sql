-- Those that were not refreshed for longest, when there are more than $2. In the transaction that has begun one, which keeps
-- the account as it is meanwhile.
UPDATE sessions
SET revoked_at = clock_timestamp()
WHERE revoked_at IS NULL AND id = ANY (ARRAY(
    SELECT id
    FROM sessions
    WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > now()
    ORDER BY expires_at DESC
    OFFSET $2
    LIMIT $3
))
RETURNING id, user_id, access_until
