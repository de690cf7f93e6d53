-- One that is there already is left alone; the caller is told which it is.
WITH made AS (
    INSERT INTO knowledge_base_entries AS e
        (id, knowledge_base_id, content, data_type, lang_hint, source_url, source, title, file_name, bytes, content_hash,
         request_id, traceparent)
    VALUES ($1, $2, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
    ON CONFLICT (knowledge_base_id, content_hash) WHERE content_hash IS NOT NULL DO NOTHING
    RETURNING
    e.id, e.knowledge_base_id, $3::uuid AS instance_id, e.data_type, e.lang_hint, e.source, e.source_url, e.title, e.file_name, e.format,
    e.bytes, e.status, e.status_reason, e.revision, e.chunk_count, e.attempts, e.due_at, e.created_at, e.updated_at
), audited AS (
    INSERT INTO audit_entries (origin, action, target_kind, target_id, team_id)
    SELECT $15::jsonb, 'knowledge.entry.create', 'knowledge_base_entry', made.id::text,
        (SELECT i.team_id FROM instances i WHERE i.id = made.instance_id)
    FROM made
)
SELECT
    e.id, e.knowledge_base_id, e.instance_id AS instance_id, e.data_type, e.lang_hint, e.source, e.source_url, e.title, e.file_name, e.format,
    e.bytes, e.status, e.status_reason, e.revision, e.chunk_count, e.attempts, e.due_at, e.created_at, e.updated_at
FROM made e
