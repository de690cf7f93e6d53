WITH changed AS (
    UPDATE event_replays
    SET is_open = NULL, outcome = 'cancelled', finished_at = clock_timestamp(), runner_until = NULL
    WHERE id = $1 AND is_open
    RETURNING id
)
INSERT INTO audit_entries (origin, action, target_kind, target_id)
SELECT $2::jsonb, 'replay.cancel', 'replay', changed.id::text
FROM changed
