UPDATE event_replays
SET runner = NULL, runner_until = NULL
WHERE is_open AND runner = $1
