-- Good for a while beside the one that replaces it, but no longer than it would have been.
UPDATE api_keys
SET replaced_by = $2,
    expires_at = least(expires_at, clock_timestamp() + $3::bigint * interval '1 second')
WHERE id = $1
