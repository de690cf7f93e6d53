-- What the last look of a sealer could not see and this one can: by number behind all that it knew of, or among those that were
-- under way. In the same snapshot the end of this look. A chain whose look is not finished has some of these
-- already. In the order of transactions, so that a look that is too long is finished in pieces.
WITH look AS MATERIALIZED (
    SELECT
        pg_current_snapshot() AS present,
        -- A copy that was restored on another server, whose transactions have smaller numbers: everything is looked at once.
        pg_snapshot_xmax(sealed)::text::bigint > pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS is_foreign,
        sealed
    FROM audit_sealing
    WHERE singleton
), bounds AS MATERIALIZED (
    SELECT
        CASE WHEN is_foreign THEN 0 ELSE pg_snapshot_xmax(sealed)::text::bigint END AS from_number,
        CASE WHEN is_foreign THEN 9223372036854775807 ELSE pg_snapshot_xmax(present)::text::bigint END AS before_number,
        ARRAY(SELECT number::text::bigint FROM pg_snapshot_xip(sealed) AS number WHERE NOT is_foreign) AS under_way
    FROM look
)
SELECT
    l.id, l.occurred_at, l.actor_kind, l.actor_id, l.actor_name, l.credential_id, l.address, l.action, l.target_kind, l.target_id,
    l.team_id, l.outcome, l.count, l.request_id, l.traceparent, l.detail::text AS detail, l.written_in,
    (SELECT present::text FROM look) AS sealed_to
FROM (
    SELECT found, written_in
    FROM (
        SELECT a.id AS found, a.written_in
        FROM audit_log a
        WHERE a.written_in >= (SELECT from_number FROM bounds) AND a.written_in < (SELECT before_number FROM bounds)
            AND NOT EXISTS (SELECT FROM audit_chain c WHERE c.audit_id = a.id OFFSET 0)
        ORDER BY a.written_in
        LIMIT $1
    ) AS behind
    UNION ALL
    SELECT a.id AS found, a.written_in
    FROM audit_log a
    WHERE a.written_in = ANY ((SELECT under_way FROM bounds)::bigint[])
        AND NOT EXISTS (SELECT FROM audit_chain c WHERE c.audit_id = a.id OFFSET 0)
    ORDER BY written_in, found
    LIMIT $1
) AS candidate
CROSS JOIN LATERAL (
    SELECT
        id, occurred_at, actor_kind, actor_id, actor_name, credential_id, address, action, target_kind, target_id, team_id, outcome,
        count, request_id, traceparent, detail, candidate.written_in
    FROM audit_log WHERE id = found OFFSET 0
) AS l
ORDER BY l.written_in, l.id
