-- The same, of what has had its attempts.
WITH seen AS MATERIALIZED (
    SELECT e.id AS seen_id, e.owner_epoch AS seen_epoch
    FROM knowledge_base_entries e
    WHERE e.status = 'processing' AND e.attempts >= $3
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
    ORDER BY e.owner_replica
    LIMIT 100
), hopeless AS MATERIALIZED (
    SELECT e.id
    FROM seen JOIN knowledge_base_entries e ON e.id = seen_id
    WHERE e.id = ANY (ARRAY(SELECT seen_id FROM seen)) AND e.owner_epoch = seen_epoch AND e.status = 'processing'
    -- Not while its reader is just keeping it.
    FOR UPDATE OF e SKIP LOCKED
), forgotten AS (
    DELETE FROM knowledge_base_chunks c WHERE c.entry_id = ANY (ARRAY(SELECT hopeless.id FROM hopeless))
)
UPDATE knowledge_base_entries e
SET status = 'failed', status_reason = $4, chunk_count = 0, indexed_hash = NULL, is_forced = false, owner_replica = NULL,
    owner_epoch = e.owner_epoch + 1, deadline_at = NULL
WHERE e.id = ANY (ARRAY(SELECT hopeless.id FROM hopeless))
RETURNING e.id
