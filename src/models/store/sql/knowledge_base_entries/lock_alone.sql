-- The same, and nobody writes chunks of it meanwhile.
SELECT
    e.id, e.knowledge_base_id, $3::uuid AS instance_id, e.data_type, e.lang_hint, e.source, e.source_url, e.title, e.file_name, e.format,
    e.bytes, e.status, e.status_reason, e.revision, e.chunk_count, e.attempts, e.due_at, e.created_at, e.updated_at,
    e.content_hash, e.indexed_hash
FROM knowledge_base_entries e
WHERE e.id = $1 AND e.knowledge_base_id = $2
FOR UPDATE
