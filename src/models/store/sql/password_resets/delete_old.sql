WITH turn AS MATERIALIZED (
    SELECT pg_try_advisory_xact_lock(retention_key()) AS is_mine
), old AS MATERIALIZED (
    SELECT token_hash
    FROM password_resets
    WHERE (SELECT is_mine FROM turn) AND expires_at < now() - $1::bigint * interval '1 second'
    ORDER BY expires_at
    LIMIT $2
), gone AS (
    DELETE FROM password_resets
    WHERE token_hash = ANY (ARRAY(SELECT token_hash FROM old))
    RETURNING token_hash
)
SELECT is_mine, (SELECT count(*) FROM gone) AS deleted
FROM turn
