-- Nobody has begun to read the entry anew, and nobody does before this is done: each vector is that of its piece. And
-- nobody has taken the entry for another model meanwhile.
WITH entry AS MATERIALIZED (
    SELECT e.knowledge_base_id
    FROM knowledge_base_entries e
    WHERE e.id = $1 AND e.owner_epoch = $2 AND e.status = 'ready'
    FOR SHARE
), taken AS MATERIALIZED (
    SELECT FROM knowledge_base_embeddings w WHERE w.entry_id = $1 AND w.round = $7 FOR SHARE
)
INSERT INTO knowledge_base_vectors (knowledge_base_id, entry_id, number, model, scale, vector)
SELECT entry.knowledge_base_id, $1, made.number, $3, made.scale, made.vector
FROM entry CROSS JOIN taken CROSS JOIN unnest($4::integer[], $5::real[], $6::bytea[]) AS made (number, scale, vector)
ON CONFLICT (entry_id, number) DO UPDATE
SET id = DEFAULT, model = EXCLUDED.model, scale = EXCLUDED.scale, vector = EXCLUDED.vector
