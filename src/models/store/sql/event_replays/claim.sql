-- Takes the open one, or takes it again, unless another replica has it.
UPDATE event_replays
SET runner = $1, runner_until = clock_timestamp() + $2::bigint * interval '1 millisecond'
WHERE is_open AND (runner IS NULL OR runner = $1 OR runner_until < clock_timestamp())
RETURNING
    id, from_position, to_position, routing_key, requested_by, position, events_sent, last_error, created_at, finished_at,
    outcome, coalesce(runner_until > clock_timestamp(), false) AS is_running
