-- Last in its transaction: until then the row is free for its user.
UPDATE knowledge_base_entries e
SET status = 'ready', status_reason = NULL, is_forced = false, owner_replica = NULL, deadline_at = NULL, attempts = 0,
    title = coalesce(e.title, $4), format = $5, content = coalesce($6, e.content), extracted = $7, bytes = $8,
    fetched_hash = $9, indexed_hash = $10, chunk_count = $11
WHERE e.id = $1 AND e.owner_replica = $2 AND e.owner_epoch = $3 AND e.status = 'processing'
