SELECT
    position, event_id, routing_key, event_type, occurred_at, aggregate_id, revision, user_id, team_id, request_id,
    traceparent, acted_by, body::text AS body
FROM event_outbox e
WHERE aggregate_id = $4 AND position > $5
    AND CASE
        WHEN e.team_id IS NULL THEN e.user_id = $1 AND $2::uuid IS NULL
        ELSE e.team_id = coalesce($2, e.team_id) AND EXISTS (
            SELECT FROM team_members m WHERE m.team_id = e.team_id AND m.user_id = $1 AND m.role = ANY ($3::text[])
        )
    END
ORDER BY position
LIMIT $6
