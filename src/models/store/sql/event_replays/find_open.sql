SELECT id
FROM event_replays
WHERE is_open
