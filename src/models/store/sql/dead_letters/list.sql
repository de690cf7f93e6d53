SELECT
    id, queue, event_id, routing_key, reason, body_bytes, obstacle, deaths, redrives, wished_at, wished_by, outcome,
    last_error, created_at, died_at, handled_at
FROM dead_letters
WHERE id < coalesce($1, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
    AND queue = coalesce($2, queue)
    AND routing_key = coalesce($3, routing_key)
    AND CASE
        WHEN handled_at IS NOT NULL THEN 'handled'
        WHEN wished_at IS NOT NULL THEN 'replaying'
        ELSE 'open'
    END = coalesce($4, CASE
        WHEN handled_at IS NOT NULL THEN 'handled'
        WHEN wished_at IS NOT NULL THEN 'replaying'
        ELSE 'open'
    END)
ORDER BY id DESC
LIMIT $5
