WITH made AS (
    INSERT INTO event_replays (id, from_position, to_position, routing_key, requested_by, position)
    VALUES ($1, $2, $3, $4, $5, $2::bigint - 1)
    ON CONFLICT (is_open) DO NOTHING
    RETURNING
        id, from_position, to_position, routing_key, requested_by, position, events_sent, last_error, created_at, finished_at,
        outcome, coalesce(runner_until > clock_timestamp(), false) AS is_running
), audited AS (
    INSERT INTO audit_entries (origin, action, target_kind, target_id, detail)
    SELECT
        $6::jsonb, 'replay.start', 'replay', made.id::text,
        json_build_object('from_position', made.from_position, 'to_position', made.to_position)
    FROM made
)
SELECT
    id, from_position, to_position, routing_key, requested_by, position, events_sent, last_error, created_at, finished_at,
    outcome, is_running
FROM made
