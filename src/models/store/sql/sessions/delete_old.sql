-- With its refresh tokens. One that was revoked stays for as long as its access tokens would have lived.
WITH turn AS MATERIALIZED (
    SELECT pg_try_advisory_xact_lock(retention_key()) AS is_mine
), old AS MATERIALIZED (
    SELECT id
    FROM sessions
    WHERE (SELECT is_mine FROM turn) AND expires_at < now() - $1::bigint * interval '1 second' AND access_until < now()
    ORDER BY expires_at
    LIMIT $2
), gone AS (
    DELETE FROM sessions
    WHERE id = ANY (ARRAY(SELECT id FROM old))
    RETURNING id
)
SELECT is_mine, (SELECT count(*) FROM gone) AS deleted
FROM turn
