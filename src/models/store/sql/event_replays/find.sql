SELECT
    id, from_position, to_position, routing_key, requested_by, position, events_sent, last_error, created_at, finished_at,
    outcome, coalesce(runner_until > clock_timestamp(), false) AS is_running
FROM event_replays
WHERE id = $1
