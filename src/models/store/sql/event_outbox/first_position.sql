-- Where history begins by now; nothing before it can be resumed from.
SELECT position
FROM event_outbox
WHERE position IS NOT NULL
ORDER BY position
LIMIT 1
