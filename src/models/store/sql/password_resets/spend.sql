-- Once: whoever comes second finds it spent.
UPDATE password_resets
SET spent_at = clock_timestamp()
WHERE token_hash = $1 AND spent_at IS NULL AND expires_at > clock_timestamp()
RETURNING user_id
