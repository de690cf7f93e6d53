UPDATE event_replays
SET is_open = NULL, outcome = 'done', finished_at = clock_timestamp(), runner_until = NULL, last_error = NULL
WHERE id = $1 AND is_open AND runner = $2
