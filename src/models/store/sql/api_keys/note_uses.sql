UPDATE api_keys k
SET last_used_at = used_at
FROM unnest($1::uuid[], $2::timestamptz[]) AS used (used_id, used_at)
WHERE k.id = used_id AND (k.last_used_at IS NULL OR k.last_used_at < used_at)
