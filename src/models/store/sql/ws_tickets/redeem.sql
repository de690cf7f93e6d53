-- Two who come with the same ticket: one of them deletes the row.
DELETE FROM ws_tickets
WHERE ticket_hash = $1
RETURNING user_id, expires_at > clock_timestamp() AS is_valid
