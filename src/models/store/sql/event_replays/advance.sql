UPDATE event_replays
SET position = greatest(position, $3),
    events_sent = events_sent + $4,
    last_error = NULL,
    runner_until = clock_timestamp() + $5::bigint * interval '1 millisecond'
WHERE id = $1 AND is_open AND runner = $2
