-- Newest first.
SELECT
    e.id, e.knowledge_base_id, $2::uuid AS instance_id, e.data_type, e.lang_hint, e.source, e.source_url, e.title, e.file_name, e.format,
    e.bytes, e.status, e.status_reason, e.revision, e.chunk_count, e.attempts, e.due_at, e.created_at, e.updated_at
FROM knowledge_base_entries e
WHERE e.knowledge_base_id = $1
    AND e.id < coalesce($3, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
    AND e.status = coalesce($4, e.status)
    AND e.data_type = coalesce($5, e.data_type)
    AND e.lang_hint = coalesce($6, e.lang_hint)
ORDER BY e.id DESC
LIMIT $7
