-- $10: what is searched changes with it, so it is read anew, and whoever reads the old one is shut out.
WITH changed AS (
    UPDATE knowledge_base_entries e
    SET title = $4,
        source_url = $5,
        data_type = $6,
        lang_hint = $7,
        content = coalesce($8, e.content),
        content_hash = $9,
        status = CASE WHEN $10::boolean THEN 'queued' ELSE e.status END,
        status_reason = CASE WHEN $10 THEN NULL ELSE e.status_reason END,
        attempts = CASE WHEN $10 THEN 0 ELSE e.attempts END,
        due_at = CASE WHEN $10 THEN clock_timestamp() ELSE e.due_at END,
        owner_replica = CASE WHEN $10 THEN NULL ELSE e.owner_replica END,
        owner_epoch = CASE WHEN $10 THEN e.owner_epoch + 1 ELSE e.owner_epoch END,
        deadline_at = CASE WHEN $10 THEN NULL ELSE e.deadline_at END,
        request_id = $11,
        traceparent = $12
    WHERE e.id = $1 AND e.knowledge_base_id = $2
    RETURNING
    e.id, e.knowledge_base_id, $3::uuid AS instance_id, e.data_type, e.lang_hint, e.source, e.source_url, e.title, e.file_name, e.format,
    e.bytes, e.status, e.status_reason, e.revision, e.chunk_count, e.attempts, e.due_at, e.created_at, e.updated_at
), audited AS (
    INSERT INTO audit_entries (origin, action, target_kind, target_id, team_id, detail)
    SELECT $13::jsonb, 'knowledge.entry.change', 'knowledge_base_entry', changed.id::text,
        (SELECT i.team_id FROM instances i WHERE i.id = changed.instance_id),
        json_build_object('fields', $14::text[])
    FROM changed
)
SELECT
    e.id, e.knowledge_base_id, e.instance_id AS instance_id, e.data_type, e.lang_hint, e.source, e.source_url, e.title, e.file_name, e.format,
    e.bytes, e.status, e.status_reason, e.revision, e.chunk_count, e.attempts, e.due_at, e.created_at, e.updated_at
FROM changed e
