WITH turn AS MATERIALIZED (
    SELECT pg_try_advisory_xact_lock(retention_key()) AS is_mine
), old AS MATERIALIZED (
    SELECT event_id
    FROM event_outbox
    WHERE (SELECT is_mine FROM turn) AND relayed_at < now() - $1::bigint * interval '1 second'
    ORDER BY relayed_at
    LIMIT $2
), gone AS (
    DELETE FROM event_outbox
    WHERE event_id = ANY (ARRAY(SELECT event_id FROM old))
    RETURNING event_id
)
SELECT is_mine, (SELECT count(*) FROM gone) AS deleted
FROM turn
