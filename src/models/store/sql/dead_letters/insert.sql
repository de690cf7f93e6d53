INSERT INTO dead_letters (queue, event_id, routing_key, reason, headers, body)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (queue, event_id) DO NOTHING
