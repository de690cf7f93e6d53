-- What the account's own trigger has just ended.
SELECT id, user_id, access_until
FROM sessions
WHERE revoked_in = pg_current_xact_id()::text::bigint AND user_id = $1
