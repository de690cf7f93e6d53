SELECT EXISTS (SELECT FROM event_outbox WHERE position IS NULL) AS has_unplaced
