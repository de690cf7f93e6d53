-- It would come to the same.
UPDATE knowledge_base_entries e
SET status = 'ready', status_reason = NULL, is_forced = false, owner_replica = NULL, deadline_at = NULL, attempts = 0
WHERE e.id = $1 AND e.owner_replica = $2 AND e.owner_epoch = $3 AND e.status = 'processing'
