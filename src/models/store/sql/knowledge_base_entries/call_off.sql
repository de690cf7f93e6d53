-- Whoever reads it now is shut out. It is again what it was before, if it was read before and has not changed since.
WITH changed AS (
    UPDATE knowledge_base_entries e
    SET status = CASE WHEN $4::boolean THEN 'ready' ELSE 'failed' END,
        status_reason = CASE WHEN $4 THEN NULL ELSE $5 END,
        chunk_count = CASE WHEN $4 THEN e.chunk_count ELSE 0 END,
        indexed_hash = CASE WHEN $4 THEN e.indexed_hash END,
        is_forced = false, owner_replica = NULL, owner_epoch = e.owner_epoch + 1, deadline_at = NULL,
        request_id = $6, traceparent = $7
    WHERE e.id = $1 AND e.knowledge_base_id = $2
    RETURNING
    e.id, e.knowledge_base_id, $3::uuid AS instance_id, e.data_type, e.lang_hint, e.source, e.source_url, e.title, e.file_name, e.format,
    e.bytes, e.status, e.status_reason, e.revision, e.chunk_count, e.attempts, e.due_at, e.created_at, e.updated_at
), forgotten AS (
    DELETE FROM knowledge_base_chunks c WHERE c.entry_id = $1 AND NOT $4
), audited AS (
    INSERT INTO audit_entries (origin, action, target_kind, target_id, team_id)
    SELECT $8::jsonb, 'knowledge.entry.cancel', 'knowledge_base_entry', changed.id::text,
        (SELECT i.team_id FROM instances i WHERE i.id = changed.instance_id)
    FROM changed
)
SELECT
    e.id, e.knowledge_base_id, e.instance_id AS instance_id, e.data_type, e.lang_hint, e.source, e.source_url, e.title, e.file_name, e.format,
    e.bytes, e.status, e.status_reason, e.revision, e.chunk_count, e.attempts, e.due_at, e.created_at, e.updated_at
FROM changed e
