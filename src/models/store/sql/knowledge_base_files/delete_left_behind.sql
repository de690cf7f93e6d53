WITH turn AS MATERIALIZED (
    SELECT pg_try_advisory_xact_lock(retention_key()) AS is_mine
), old AS MATERIALIZED (
    SELECT id
    FROM knowledge_base_files
    WHERE (SELECT is_mine FROM turn) AND pending_since < now() - $1::bigint * interval '1 second'
    ORDER BY pending_since
    -- Each may be large.
    LIMIT least($2::bigint, 8)
    FOR UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM knowledge_base_files
    WHERE id = ANY (ARRAY(SELECT id FROM old))
    RETURNING id
)
SELECT is_mine, (SELECT count(*) FROM gone) AS deleted
FROM turn
