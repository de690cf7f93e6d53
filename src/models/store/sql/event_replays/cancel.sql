UPDATE event_replays
SET is_open = NULL, outcome = 'cancelled', finished_at = clock_timestamp(), runner_until = NULL
WHERE id = $1 AND is_open
