-- Nobody waits here, and nobody waits for long: whoever changes a key at this moment leaves its use for later.
WITH used AS MATERIALIZED (
    SELECT k.id AS used_id, used_at
    FROM unnest($1::uuid[], $2::timestamptz[]) AS noted (noted_id, used_at)
    JOIN api_keys k ON k.id = noted_id
    WHERE k.last_used_at IS NULL OR k.last_used_at < used_at
    FOR NO KEY UPDATE OF k SKIP LOCKED
)
UPDATE api_keys k
SET last_used_at = used_at
FROM used
WHERE k.id = used_id
