SELECT event_id, routing_key, aggregate_id, user_id, body::text AS body, occurred_at, request_id, traceparent
FROM event_outbox
WHERE relayed_at IS NULL
ORDER BY id
LIMIT $1
