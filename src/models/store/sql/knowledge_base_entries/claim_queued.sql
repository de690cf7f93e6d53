-- The next user's entry that is due for longest, and that needs no address to answer unless $4: users take turns, and nobody's thousand entries stand before another's one. What is
-- behind a tombstone goes away by itself.
WITH next AS MATERIALIZED (
    SELECT e.id
    FROM knowledge_base_entries e
    WHERE e.status = 'queued' AND e.due_at <= clock_timestamp() AND e.user_id > $2 AND ($4::boolean OR e.source <> 'url')
        AND (
            SELECT (SELECT i.deleted_at IS NULL FROM instances i WHERE i.id = kb.instance_id)
            FROM knowledge_bases kb
            WHERE kb.id = e.knowledge_base_id
        )
    ORDER BY e.user_id, e.due_at, e.id
    LIMIT 1
    FOR NO KEY UPDATE OF e SKIP LOCKED
), from_the_first AS MATERIALIZED (
    SELECT e.id
    FROM knowledge_base_entries e
    WHERE e.status = 'queued' AND e.due_at <= clock_timestamp() AND e.user_id <= $2 AND ($4::boolean OR e.source <> 'url')
        AND NOT EXISTS (SELECT FROM next)
        AND (
            SELECT (SELECT i.deleted_at IS NULL FROM instances i WHERE i.id = kb.instance_id)
            FROM knowledge_bases kb
            WHERE kb.id = e.knowledge_base_id
        )
    ORDER BY e.user_id, e.due_at, e.id
    LIMIT 1
    FOR NO KEY UPDATE OF e SKIP LOCKED
)
UPDATE knowledge_base_entries e
SET status = 'processing', status_reason = NULL, owner_replica = $1, owner_epoch = e.owner_epoch + 1, attempts = e.attempts + 1,
    deadline_at = clock_timestamp() + $3::bigint * interval '1 millisecond'
WHERE e.id = ANY (ARRAY(SELECT next.id FROM next UNION ALL SELECT from_the_first.id FROM from_the_first))
RETURNING
    e.id, e.knowledge_base_id, e.data_type, e.lang_hint, e.source, e.source_url, e.title, e.file_name, e.bytes, e.content_hash,
    e.fetched_hash, e.indexed_hash, e.chunk_count, e.is_forced, e.owner_epoch, e.attempts, e.request_id, e.traceparent,
    CASE WHEN e.source = 'text' THEN e.content END AS content, (SELECT f.id FROM knowledge_base_files f WHERE f.entry_id = e.id) AS file_id, e.user_id
