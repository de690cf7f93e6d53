-- The same death again changes nothing; another one opens the letter anew. A wish that is not carried out yet stays: what is
-- sent then is what came last. If that cannot be sent, nobody can carry the wish out.
INSERT INTO dead_letters AS kept
    (queue, event_id, routing_key, reason, headers, envelope, body, body_bytes, obstacle, death, died_at, history)
VALUES (
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, least(coalesce($11, clock_timestamp()), clock_timestamp()),
    dead_letter_history('[]', 'died', $4, NULL, NULL)
)
ON CONFLICT (queue, event_id) DO UPDATE
SET routing_key = excluded.routing_key,
    reason = excluded.reason,
    headers = excluded.headers,
    envelope = excluded.envelope,
    body = excluded.body,
    body_bytes = excluded.body_bytes,
    obstacle = excluded.obstacle,
    death = excluded.death,
    died_at = greatest(excluded.died_at, kept.died_at),
    deaths = kept.deaths + 1,
    handled_at = NULL,
    outcome = NULL,
    wished_at = CASE WHEN excluded.obstacle IS NULL THEN kept.wished_at END,
    wished_by = CASE WHEN excluded.obstacle IS NULL THEN kept.wished_by END,
    wish_request_id = CASE WHEN excluded.obstacle IS NULL THEN kept.wish_request_id END,
    history = dead_letter_history(kept.history, 'died', excluded.reason, NULL, NULL)
WHERE kept.death <> excluded.death
