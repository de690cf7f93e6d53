-- The first lock of whoever keeps what it has read: chunks that are written need it anyway, and whoever deletes the entry waits for it
-- before they lock anything else.
SELECT e.id
FROM knowledge_base_entries e
WHERE e.id = $1 AND e.owner_replica = $2 AND e.owner_epoch = $3 AND e.status = 'processing'
FOR KEY SHARE
