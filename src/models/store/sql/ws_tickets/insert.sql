INSERT INTO ws_tickets (ticket_hash, user_id, session_id, token_id, api_key_id, session_expires_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp() + $7::bigint * interval '1 second')
