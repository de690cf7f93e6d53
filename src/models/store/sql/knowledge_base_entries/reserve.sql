-- In a transaction of its own, before chunks are written: the count that it changes is one that others wait for.
UPDATE knowledge_base_entries e
SET bytes = $4
WHERE e.id = $1 AND e.owner_replica = $2 AND e.owner_epoch = $3 AND e.status = 'processing'
