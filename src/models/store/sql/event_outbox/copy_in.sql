-- Events of `user_psql`, in the order in which they happened there; one that has arrived before is passed over. What concerns
-- a team is its members', and has the team's revision.
INSERT INTO event_outbox
    (event_id, routing_key, table_name, event_type, aggregate_id, revision, user_id, team_id, body, occurred_at, request_id, traceparent)
SELECT
    event_id, routing_key,
    CASE split_part(routing_key, '.', 1) WHEN 'auth' THEN 'sessions' WHEN 'user' THEN 'users' WHEN 'team' THEN 'teams' ELSE '' END,
    CASE WHEN routing_key LIKE '%.deleted' OR routing_key LIKE '%.removed' THEN 'delete' ELSE 'update' END,
    aggregate_id,
    CASE WHEN routing_key LIKE 'team.%' THEN (body::json ->> 'revision')::bigint END,
    user_id,
    CASE WHEN routing_key LIKE 'team.%' THEN (body::json ->> 'team_id')::uuid END,
    body::json, occurred_at, request_id, traceparent
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::text[], $6::timestamptz[], $7::text[], $8::text[])
    WITH ORDINALITY AS arriving (event_id, routing_key, aggregate_id, user_id, body, occurred_at, request_id, traceparent, place)
ORDER BY place
ON CONFLICT (event_id) DO NOTHING
