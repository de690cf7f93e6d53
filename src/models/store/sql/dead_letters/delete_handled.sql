WITH turn AS MATERIALIZED (
    SELECT pg_try_advisory_xact_lock(retention_key()) AS is_mine
), old AS MATERIALIZED (
    SELECT id
    FROM dead_letters
    WHERE (SELECT is_mine FROM turn) AND handled_at < now() - $1::bigint * interval '1 second'
    ORDER BY handled_at
    LIMIT $2
), gone AS (
    DELETE FROM dead_letters
    -- Not if it has died again since it was looked at.
    WHERE id = ANY (ARRAY(SELECT id FROM old)) AND handled_at IS NOT NULL
    RETURNING id
)
SELECT is_mine, (SELECT count(*) FROM gone) AS deleted
FROM turn
