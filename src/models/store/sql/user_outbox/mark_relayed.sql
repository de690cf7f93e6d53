UPDATE event_outbox
SET relayed_at = clock_timestamp()
WHERE event_id = ANY ($1::uuid[]) AND relayed_at IS NULL
