WITH meant AS MATERIALIZED (
    SELECT id
    FROM dead_letters
    WHERE id = $1 AND handled_at IS NULL
    FOR UPDATE SKIP LOCKED
), changed AS (
    UPDATE dead_letters
    SET handled_at = clock_timestamp(), outcome = 'discarded', wished_at = NULL, wished_by = NULL, wish_request_id = NULL,
        history = dead_letter_history(history, 'discarded', NULL, $2, $3)
    WHERE id = (SELECT id FROM meant)
    RETURNING id
)
INSERT INTO audit_entries (origin, action, target_kind, target_id)
SELECT $4::jsonb, 'dead_letter.discard', 'dead_letter', changed.id::text
FROM changed
