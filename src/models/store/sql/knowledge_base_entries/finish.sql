-- Last in its transaction. Its user may change it until then, and whoever does has shut this reader out.
UPDATE knowledge_base_entries e
SET status = 'ready', status_reason = NULL, is_forced = false, owner_replica = NULL, deadline_at = NULL, attempts = 0,
    title = coalesce(e.title, $4), format = $5, content = coalesce($6, e.content), extracted = $7,
    fetched_hash = $8, indexed_hash = $9, chunk_count = $10, indexed_lang = $11
WHERE e.id = $1 AND e.owner_replica = $2 AND e.owner_epoch = $3 AND e.status = 'processing'
