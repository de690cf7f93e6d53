SELECT
    position, event_id, routing_key, event_type, occurred_at, aggregate_id, revision, user_id, team_id, request_id,
    traceparent, body::text AS body
FROM event_outbox
WHERE user_id = $1 AND position > $2 AND position <= $3
ORDER BY position
LIMIT $4
