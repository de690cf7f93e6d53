-- What nobody reads any more: its reader is dead, or has lost it (it is this process's, and not among $2), or is past its deadline.
-- What was claimed since this began is passed over: whether its owner lives was read before that.
WITH seen AS MATERIALIZED (
    SELECT e.id AS seen_id, e.owner_epoch AS seen_epoch
    FROM knowledge_base_entries e
    WHERE e.status = 'processing' AND e.attempts < $4
        AND (
            (e.owner_replica = $1 AND e.id <> ALL ($2::uuid[]))
            OR e.owner_replica IS NULL
            OR (
                (SELECT replica_may_judge($1))
                AND (
                    e.deadline_at < clock_timestamp()
                    OR NOT EXISTS (
                        SELECT FROM replicas r WHERE r.id = e.owner_replica AND NOT replica_is_stale(r.beat_at, r.lease_ms)
                    )
                )
            )
        )
        AND (
            SELECT (SELECT i.deleted_at IS NULL FROM instances i WHERE i.id = kb.instance_id)
            FROM knowledge_bases kb
            WHERE kb.id = e.knowledge_base_id
        )
    ORDER BY e.owner_replica
    LIMIT 16
), orphan AS MATERIALIZED (
    SELECT e.id
    FROM seen JOIN knowledge_base_entries e ON e.id = seen_id
    WHERE e.id = ANY (ARRAY(SELECT seen_id FROM seen)) AND e.owner_epoch = seen_epoch AND e.status = 'processing'
    LIMIT 1
    FOR NO KEY UPDATE OF e SKIP LOCKED
)
UPDATE knowledge_base_entries e
SET owner_replica = $1, owner_epoch = e.owner_epoch + 1, attempts = e.attempts + 1,
    deadline_at = clock_timestamp() + $3::bigint * interval '1 millisecond'
WHERE e.id = ANY (ARRAY(SELECT orphan.id FROM orphan))
RETURNING
    e.id, e.knowledge_base_id, e.data_type, e.lang_hint, e.source, e.source_url, e.title, e.file_name, e.bytes, e.content_hash,
    e.fetched_hash, e.indexed_hash, e.chunk_count, e.is_forced, e.owner_epoch, e.attempts, e.request_id, e.traceparent,
    CASE WHEN e.source = 'text' THEN e.content END AS content, (SELECT f.id FROM knowledge_base_files f WHERE f.entry_id = e.id) AS file_id, e.user_id
