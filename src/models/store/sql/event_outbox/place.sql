-- Only while the epoch is the caller's: takes what is committed and has no place yet, in the order of ids in one snapshot,
-- gives it the next places, and moves the state along. One row with a NULL position says that there was nothing to place.
WITH unplaced AS MATERIALIZED (
    SELECT id AS unplaced_id, row_number() OVER (ORDER BY id) AS ordinal
    FROM (SELECT id FROM event_outbox WHERE position IS NULL ORDER BY id LIMIT $3) AS waiting
), state AS (
    UPDATE publisher_state
    SET last_position = last_position + (SELECT count(*) FROM unplaced),
        published_position = greatest(published_position, $2),
        beat_at = clock_timestamp()
    WHERE epoch = $1
    RETURNING last_position - (SELECT count(*) FROM unplaced) AS base
), placed AS (
    UPDATE event_outbox
    SET position = base + ordinal
    FROM state, unplaced
    WHERE id = unplaced_id AND position IS NULL
    RETURNING
        position, event_id, routing_key, event_type, occurred_at, aggregate_id, revision, user_id, team_id, body::text AS body
)
SELECT placed.position, event_id, routing_key, event_type, occurred_at, aggregate_id, revision, user_id, team_id, body
FROM state LEFT JOIN placed ON true
ORDER BY placed.position
