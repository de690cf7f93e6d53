SELECT EXISTS (SELECT FROM event_outbox WHERE relayed_at IS NULL) AS has_unrelayed
