-- Only while the epoch is the caller's: takes what is committed and has no place yet, in the order of ids in one snapshot,
-- gives it the next places, and moves the state along. One row with a NULL position says that there was nothing to place.
--
-- Arrays and no joins: a planner is always wrong about how many rows wait, and arrays leave it nothing to be wrong about.
-- In a sorted array width_bucket finds the place of an id by halving.
WITH waiting AS MATERIALIZED (
    SELECT id, event_id FROM event_outbox WHERE position IS NULL ORDER BY id LIMIT $3
), taken AS MATERIALIZED (
    SELECT ARRAY(SELECT id FROM waiting ORDER BY id) AS ids, ARRAY(SELECT event_id FROM waiting) AS event_ids
), state AS (
    UPDATE publisher_state
    SET last_position = last_position + (SELECT cardinality(ids) FROM taken),
        published_position = greatest(published_position, $2),
        beat_at = clock_timestamp()
    WHERE singleton AND epoch = $1
    RETURNING last_position - (SELECT cardinality(ids) FROM taken) AS base
), placed AS (
    UPDATE event_outbox
    SET position = base + width_bucket(id, (SELECT ids FROM taken))
    FROM state
    WHERE event_id = ANY ((SELECT event_ids FROM taken)::uuid[])
    RETURNING
        position, event_id, routing_key, event_type, occurred_at, aggregate_id, revision, user_id, team_id, request_id,
        traceparent, body::text AS body
)
SELECT placed.position, event_id, routing_key, event_type, occurred_at, aggregate_id, revision, user_id, team_id,
    request_id, traceparent, body
FROM state LEFT JOIN placed ON true
ORDER BY placed.position
