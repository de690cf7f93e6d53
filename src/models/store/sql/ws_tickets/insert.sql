INSERT INTO ws_tickets (ticket_hash, user_id, session_id, token_id, session_expires_at, expires_at)
VALUES ($1, $2, $3, $4, $5, clock_timestamp() + $6::bigint * interval '1 second')
