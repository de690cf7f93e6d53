-- The oldest first. However many they are, it is one wish.
WITH meant AS MATERIALIZED (
    SELECT id
    FROM dead_letters
    WHERE handled_at IS NULL AND wished_at IS NULL AND obstacle IS NULL
        AND queue = coalesce($1, queue)
        AND routing_key = coalesce($2, routing_key)
    ORDER BY id
    LIMIT $3
    FOR UPDATE SKIP LOCKED
), changed AS (
    UPDATE dead_letters
    SET wished_at = clock_timestamp(), wished_by = $4, wish_request_id = $5, last_error = NULL,
        history = dead_letter_history(history, 'replay_wished', NULL, $4, $5)
    WHERE id = ANY (ARRAY(SELECT id FROM meant))
    RETURNING id
), counted AS (
    SELECT count(*) AS letters FROM changed
), audited AS (
    INSERT INTO audit_entries (origin, action, target_kind, target_id, detail)
    SELECT
        $6::jsonb, 'dead_letter.redrive_many', 'queue', $1,
        json_build_object('letters', letters, 'routing_key', $2)
    FROM counted
    WHERE letters > 0
)
SELECT letters
FROM counted
