WITH turn AS MATERIALIZED (
    SELECT pg_try_advisory_xact_lock(retention_key()) AS is_mine
), old AS MATERIALIZED (
    SELECT id
    FROM api_keys
    WHERE (SELECT is_mine FROM turn)
        AND least(revoked_at, expires_at) < now() - greatest($1::bigint, 7200) * interval '1 second'
    ORDER BY least(revoked_at, expires_at)
    LIMIT $2
), gone AS (
    DELETE FROM api_keys
    WHERE id = ANY (ARRAY(SELECT id FROM old))
    RETURNING id
)
SELECT is_mine, (SELECT count(*) FROM gone) AS deleted
FROM turn
