WITH turn AS MATERIALIZED (
    SELECT pg_try_advisory_xact_lock(retention_key()) AS is_mine
), old AS MATERIALIZED (
    SELECT ctid AS place
    FROM idempotency_keys
    WHERE (SELECT is_mine FROM turn) AND created_at < now() - $1::bigint * interval '1 second'
    ORDER BY created_at
    LIMIT $2
    -- Whoever takes an old key over just now keeps it, and nobody waits for them. A row that was changed just before is found
    -- where it is now, which this statement cannot see yet: the next one does.
    FOR UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM idempotency_keys
    WHERE ctid = ANY (ARRAY(SELECT place FROM old))
    RETURNING key
)
SELECT is_mine, (SELECT count(*) FROM gone) AS deleted
FROM turn
