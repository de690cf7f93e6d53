SELECT
    (SELECT count(*) FROM event_outbox WHERE position IS NULL) AS unplaced,
    s.last_position - s.published_position AS unpublished,
    s.published_position,
    s.replica_id,
    (extract(epoch FROM clock_timestamp() - least(
        (SELECT occurred_at FROM event_outbox WHERE position IS NULL ORDER BY id LIMIT 1),
        (SELECT occurred_at FROM event_outbox WHERE position > s.published_position ORDER BY position LIMIT 1)
    )) * 1000)::bigint AS oldest_age_ms
FROM publisher_state s
WHERE s.singleton
