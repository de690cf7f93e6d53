-- Of those that are next. Whoever is being sent needs no note.
UPDATE dead_letters
SET last_error = $1
WHERE id = ANY (ARRAY(
        SELECT id
        FROM dead_letters
        WHERE wished_at IS NOT NULL
        ORDER BY wished_at
        LIMIT 100
        FOR UPDATE SKIP LOCKED
    ))
    AND last_error IS DISTINCT FROM $1
