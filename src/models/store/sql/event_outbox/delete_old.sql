-- Only a beginning of the log ever goes, so that no hole is left, and never what is not published. The positions rise with
-- time but for a transaction that took long: its events wait for their turn, and everything after them.
-- The caller remembers how far it came ($3): what was just deleted still stands in the index until the next vacuum.
WITH turn AS MATERIALIZED (
    SELECT pg_try_advisory_xact_lock(retention_key()) AS is_mine
), oldest AS MATERIALIZED (
    SELECT position, occurred_at < now() - $1::bigint * interval '1 second' AS is_old
    FROM event_outbox
    WHERE (SELECT is_mine FROM turn)
        AND position > $3
        AND position <= (SELECT published_position FROM publisher_state WHERE singleton)
    ORDER BY position
    LIMIT $2
), cut AS MATERIALIZED (
    SELECT coalesce(min(position) FILTER (WHERE NOT is_old) - 1, max(position)) AS position
    FROM oldest
), gone AS (
    DELETE FROM event_outbox
    WHERE position > $3 AND position <= (SELECT position FROM cut)
    RETURNING position
)
SELECT is_mine, (SELECT count(*) FROM gone) AS deleted, (SELECT max(position) FROM gone) AS reached
FROM turn
