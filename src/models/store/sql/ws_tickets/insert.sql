INSERT INTO ws_tickets (ticket_hash, user_id, expires_at)
VALUES ($1, $2, clock_timestamp() + $3::bigint * interval '1 second')
