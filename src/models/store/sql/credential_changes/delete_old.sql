WITH turn AS MATERIALIZED (
    SELECT pg_try_advisory_xact_lock(retention_key()) AS is_mine
), old AS MATERIALIZED (
    SELECT id
    FROM credential_changes
    WHERE (SELECT is_mine FROM turn)
        AND changed_at < now() - greatest($1::bigint, 7200) * interval '1 second'
    ORDER BY changed_at
    LIMIT $2
), gone AS (
    DELETE FROM credential_changes
    WHERE id = ANY (ARRAY(SELECT id FROM old))
    RETURNING id
)
SELECT is_mine, (SELECT count(*) FROM gone) AS deleted
FROM turn
