-- Those of another model, so many at a time: from now on they have to be of this one, and whoever has one now has
-- no say in it any more.
WITH before AS MATERIALIZED (
    SELECT w.entry_id
    FROM knowledge_base_embeddings w
    WHERE w.model > '' AND w.model < $1
    ORDER BY w.model, w.entry_id
    LIMIT $2
    FOR NO KEY UPDATE OF w SKIP LOCKED
), behind AS MATERIALIZED (
    SELECT w.entry_id
    FROM knowledge_base_embeddings w
    WHERE w.model > $1
    ORDER BY w.model, w.entry_id
    LIMIT $2
    FOR NO KEY UPDATE OF w SKIP LOCKED
)
UPDATE knowledge_base_embeddings w
SET is_waiting = true, model = $1, round = w.round + 1, due_at = clock_timestamp(), reason = NULL
WHERE w.entry_id = ANY (ARRAY(SELECT before.entry_id FROM before UNION ALL SELECT behind.entry_id FROM behind))
