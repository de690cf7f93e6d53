DELETE FROM ws_tickets
WHERE ticket_hash IN (
    SELECT ticket_hash FROM ws_tickets WHERE expires_at < clock_timestamp() ORDER BY expires_at LIMIT $1
)
