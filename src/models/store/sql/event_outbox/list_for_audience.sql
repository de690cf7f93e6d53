-- What belongs to a team is its members', and no longer its maker's: so the two are read apart, each no further than is needed.
WITH found AS MATERIALIZED (
    SELECT own.event_id, own.position
    FROM (
        SELECT e.event_id, e.position
        FROM event_outbox e
        WHERE e.user_id = $1 AND e.team_id IS NULL AND $5::boolean AND e.position > $2 AND e.position <= $3
        ORDER BY e.position
        LIMIT $4
    ) AS own
    UNION ALL
    SELECT shared.event_id, shared.position
    FROM unnest($6::uuid[]) AS reached (reached_team)
    CROSS JOIN LATERAL (
        SELECT e.event_id, e.position
        FROM event_outbox e
        WHERE e.team_id = reached_team AND e.position > $2 AND e.position <= $3
        ORDER BY e.position
        LIMIT $4
    ) AS shared
    ORDER BY position
    LIMIT $4
)
SELECT
    e.position, e.event_id, e.routing_key, e.event_type, e.occurred_at, e.aggregate_id, e.revision, e.user_id, e.team_id,
    e.request_id, e.traceparent, e.body::text AS body
FROM event_outbox e
WHERE e.event_id = ANY (ARRAY(SELECT event_id FROM found))
ORDER BY e.position
