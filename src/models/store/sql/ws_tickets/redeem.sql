-- Two who come with the same ticket: one of them deletes the row. One without a credential opens nothing.
DELETE FROM ws_tickets
WHERE ticket_hash = $1
RETURNING
    user_id, session_id, token_id, api_key_id, session_expires_at,
    expires_at > clock_timestamp()
        AND session_expires_at IS NOT NULL
        AND ((session_id IS NOT NULL AND token_id IS NOT NULL) OR api_key_id IS NOT NULL) AS is_valid
