-- Nobody has begun to read the entry anew, and nobody does before this is done. It is still of the round it was taken in.
WITH entry AS MATERIALIZED (
    SELECT FROM knowledge_base_entries e WHERE e.id = $1 AND e.owner_epoch = $2 AND e.status = 'ready' FOR SHARE
)
UPDATE knowledge_base_embeddings w
SET is_waiting = false, model = $3, reason = NULL
WHERE w.entry_id = $1 AND w.round = $4 AND EXISTS (SELECT FROM entry)
