-- The next user's entry that has waited longest: users take turns. It is taken for $2 milliseconds. One that is being read, or will be
-- soon, or is behind a tombstone, has no epoch here: its pieces are about to go. What waits for another model is not ours.
WITH next AS MATERIALIZED (
    SELECT w.entry_id
    FROM knowledge_base_embeddings w
    WHERE w.is_waiting AND w.due_at <= clock_timestamp() AND w.user_id > $1 AND w.model IN ('', $3)
    ORDER BY w.user_id, w.due_at, w.entry_id
    LIMIT 1
    FOR NO KEY UPDATE OF w SKIP LOCKED
), from_the_first AS MATERIALIZED (
    SELECT w.entry_id
    FROM knowledge_base_embeddings w
    WHERE w.is_waiting AND w.due_at <= clock_timestamp() AND w.user_id <= $1 AND w.model IN ('', $3)
        AND NOT EXISTS (SELECT FROM next)
    ORDER BY w.user_id, w.due_at, w.entry_id
    LIMIT 1
    FOR NO KEY UPDATE OF w SKIP LOCKED
)
UPDATE knowledge_base_embeddings w
SET due_at = clock_timestamp() + $2::bigint * interval '1 millisecond'
WHERE w.entry_id = ANY (ARRAY(
    SELECT next.entry_id FROM next UNION ALL SELECT from_the_first.entry_id FROM from_the_first
))
RETURNING w.entry_id, w.knowledge_base_id, w.user_id, w.round, (
    SELECT e.owner_epoch
    FROM knowledge_base_entries e
    WHERE e.id = w.entry_id AND e.status = 'ready' AND (
        SELECT (SELECT i.deleted_at IS NULL FROM instances i WHERE i.id = kb.instance_id)
        FROM knowledge_bases kb
        WHERE kb.id = e.knowledge_base_id
    )
) AS epoch
