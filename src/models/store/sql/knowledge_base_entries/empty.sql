-- Some entries of one knowledge base whose instance is deleted, so that its purge is short however much it knew. What a reader is just
-- keeping is passed over.
WITH base AS MATERIALIZED (
    SELECT kb.id
    FROM knowledge_bases kb
    WHERE kb.instance_id = ANY ($1::uuid[])
        AND (SELECT i.deleted_at IS NOT NULL FROM instances i WHERE i.id = kb.instance_id)
        AND (SELECT count(*) > 0 FROM (SELECT FROM knowledge_base_entries e WHERE e.knowledge_base_id = kb.id LIMIT 1) AS one)
    ORDER BY kb.instance_id
    LIMIT 1
), part AS MATERIALIZED (
    SELECT e.id
    FROM knowledge_base_entries e
    WHERE e.knowledge_base_id = (SELECT base.id FROM base)
    ORDER BY e.knowledge_base_id, e.id DESC
    LIMIT $2
    FOR UPDATE SKIP LOCKED
)
DELETE FROM knowledge_base_entries e
WHERE e.id = ANY (ARRAY(SELECT part.id FROM part))
RETURNING e.id
