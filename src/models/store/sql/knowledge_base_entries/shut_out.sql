-- Whoever reads it finds out, and lets go of it.
UPDATE knowledge_base_entries e
SET owner_epoch = e.owner_epoch + 1
WHERE e.id = $1 AND e.knowledge_base_id = $2 AND e.status = 'processing'
