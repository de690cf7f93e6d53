-- Compare-and-set; the purge of a tombstone tells nobody. What another session holds is passed over, as in a claim.
WITH done AS (
    SELECT i.id
    FROM unnest($2::uuid[], $3::bigint[]) AS done (done_id, done_epoch) JOIN instances i ON i.id = done_id
    WHERE i.id = ANY ($2::uuid[])
        AND i.owner_replica = $1 AND i.owner_epoch = done_epoch AND i.deleted_at IS NOT NULL
        -- What it knew goes before it, piece by piece.
        AND (
            SELECT (
                SELECT count(*) = 0
                FROM (SELECT FROM knowledge_base_entries e WHERE e.knowledge_base_id = kb.id LIMIT 1) AS one
            )
            FROM knowledge_bases kb
            WHERE kb.instance_id = i.id
        ) IS NOT false
    FOR UPDATE OF i SKIP LOCKED
)
DELETE FROM instances i
WHERE i.id = ANY (ARRAY(SELECT done.id FROM done))
RETURNING i.id
