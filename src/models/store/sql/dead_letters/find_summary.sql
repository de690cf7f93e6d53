SELECT
    id, queue, event_id, routing_key, reason, body_bytes, obstacle, deaths, redrives, wished_at, wished_by, outcome,
    last_error, created_at, died_at, handled_at
FROM dead_letters
WHERE id = $1
