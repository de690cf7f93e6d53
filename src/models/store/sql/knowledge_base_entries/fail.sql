-- Nothing of it is found any more: what was found before is not what is there.
WITH failed AS (
    UPDATE knowledge_base_entries e
    SET status = 'failed', status_reason = $4, chunk_count = 0, indexed_hash = NULL, is_forced = false, owner_replica = NULL,
        deadline_at = NULL
    WHERE e.id = $1 AND e.owner_replica = $2 AND e.owner_epoch = $3 AND e.status = 'processing'
    RETURNING e.id
)
DELETE FROM knowledge_base_chunks c WHERE c.entry_id = ANY (ARRAY(SELECT failed.id FROM failed))
