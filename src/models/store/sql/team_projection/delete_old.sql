-- Not before a day is over, however short everything else is kept: no state that somebody read before is still under way then.
WITH turn AS MATERIALIZED (
    SELECT pg_try_advisory_xact_lock(retention_key()) AS is_mine
), old AS MATERIALIZED (
    SELECT id
    FROM teams
    WHERE (SELECT is_mine FROM turn) AND deleted_at < now() - make_interval(secs => greatest($1::bigint, 86400))
    ORDER BY deleted_at
    LIMIT $2
), gone AS (
    DELETE FROM teams
    WHERE id = ANY (ARRAY(SELECT id FROM old))
    RETURNING id
)
SELECT is_mine, (SELECT count(*) FROM gone) AS deleted
FROM turn
