-- A page of all rows, by id: how many of them are not in the chain, and the first that should be.
WITH page AS MATERIALIZED (
    SELECT id, occurred_at, written_in FROM audit_log WHERE id > $1 ORDER BY id LIMIT $2
), loose AS MATERIALIZED (
    SELECT id, occurred_at, pg_visible_in_snapshot(written_in::text::xid8, sealed) AS is_passed
    FROM page, audit_sealing
    WHERE singleton AND NOT EXISTS (SELECT FROM audit_chain c WHERE c.audit_id = page.id OFFSET 0)
)
SELECT
    (SELECT id FROM page ORDER BY id DESC LIMIT 1) AS last_id,
    (SELECT count(*) FROM loose) AS unsealed,
    (SELECT (extract(epoch FROM clock_timestamp() - min(occurred_at)) * 1000)::bigint FROM loose) AS oldest_age_ms,
    (SELECT id FROM loose WHERE is_passed ORDER BY id LIMIT 1) AS passed_over
