-- An entry that has failed has no pieces, and wants nothing until it has some again.
WITH entry AS MATERIALIZED (
    SELECT FROM knowledge_base_entries e WHERE e.id = $1 AND e.status = 'failed' FOR SHARE
)
DELETE FROM knowledge_base_embeddings w WHERE w.entry_id = $1 AND EXISTS (SELECT FROM entry)
