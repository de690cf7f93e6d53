-- Whoever holds the row sends it at this moment: that is no reason to wait.
WITH meant AS MATERIALIZED (
    SELECT id
    FROM dead_letters
    WHERE id = $1 AND handled_at IS NULL AND wished_at IS NULL AND obstacle IS NULL
    FOR UPDATE SKIP LOCKED
), changed AS (
    UPDATE dead_letters
    SET wished_at = clock_timestamp(), wished_by = $2, wish_request_id = $3, last_error = NULL,
        history = dead_letter_history(history, 'replay_wished', NULL, $2, $3)
    WHERE id = (SELECT id FROM meant)
    RETURNING id
)
INSERT INTO audit_entries (origin, action, target_kind, target_id)
SELECT $4::jsonb, 'dead_letter.redrive', 'dead_letter', changed.id::text
FROM changed
