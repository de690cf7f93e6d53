UPDATE event_replays
SET last_error = $3
WHERE id = $1 AND is_open AND runner = $2
