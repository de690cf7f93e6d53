WITH turn AS MATERIALIZED (
    SELECT pg_try_advisory_xact_lock(retention_key()) AS is_mine
), old AS MATERIALIZED (
    SELECT ticket_hash
    FROM ws_tickets
    WHERE (SELECT is_mine FROM turn) AND expires_at < now() - $1::bigint * interval '1 second'
    ORDER BY expires_at
    LIMIT $2
), gone AS (
    DELETE FROM ws_tickets
    WHERE ticket_hash = ANY (ARRAY(SELECT ticket_hash FROM old))
    RETURNING ticket_hash
)
SELECT is_mine, (SELECT count(*) FROM gone) AS deleted
FROM turn
