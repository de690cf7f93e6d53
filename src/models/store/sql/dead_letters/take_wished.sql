-- The row stays locked until what became of it is written: one replica sends it, and what dies again meanwhile waits.
SELECT id, queue, routing_key, envelope, body, redrives
FROM dead_letters
WHERE wished_at IS NOT NULL
ORDER BY wished_at
LIMIT 1
FOR UPDATE SKIP LOCKED
