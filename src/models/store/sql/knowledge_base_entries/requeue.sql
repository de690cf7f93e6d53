-- Whoever reads it now is shut out.
WITH changed AS (
    UPDATE knowledge_base_entries e
    SET status = 'queued', status_reason = NULL, attempts = 0, due_at = clock_timestamp(), owner_replica = NULL,
        owner_epoch = e.owner_epoch + 1, deadline_at = NULL, is_forced = $4, request_id = $5, traceparent = $6
    WHERE e.id = $1 AND e.knowledge_base_id = $2
    RETURNING
    e.id, e.knowledge_base_id, $3::uuid AS instance_id, e.data_type, e.lang_hint, e.source, e.source_url, e.title, e.file_name, e.format,
    e.bytes, e.status, e.status_reason, e.revision, e.chunk_count, e.attempts, e.due_at, e.created_at, e.updated_at
), audited AS (
    INSERT INTO audit_entries (origin, action, target_kind, target_id, team_id)
    SELECT $7::jsonb, CASE WHEN $4 THEN 'knowledge.entry.reindex' ELSE 'knowledge.entry.retry' END, 'knowledge_base_entry', changed.id::text,
        (SELECT i.team_id FROM instances i WHERE i.id = changed.instance_id)
    FROM changed
)
SELECT
    e.id, e.knowledge_base_id, e.instance_id AS instance_id, e.data_type, e.lang_hint, e.source, e.source_url, e.title, e.file_name, e.format,
    e.bytes, e.status, e.status_reason, e.revision, e.chunk_count, e.attempts, e.due_at, e.created_at, e.updated_at
FROM changed e
