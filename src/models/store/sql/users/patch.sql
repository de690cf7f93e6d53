-- The flags say which columns are meant: an address may be taken away by a null.
WITH changed AS (
    UPDATE users
    SET
        username = CASE WHEN $2 THEN $3 ELSE username END,
        email = CASE WHEN $4 THEN $5 ELSE email END,
        updated_at = greatest(clock_timestamp(), updated_at + interval '1 microsecond')
    WHERE id = $1 AND disabled_at IS NULL
        AND ($6::bigint IS NULL OR (extract(epoch FROM updated_at) * 1000000)::bigint = $6)
    RETURNING id, username, email, role, disabled_at, created_at, updated_at
), audited AS (
    INSERT INTO audit_entries (origin, action, target_kind, target_id, detail)
    SELECT
        $7::jsonb, 'user.change', 'user', changed.id::text,
        json_build_object('fields', array_remove(ARRAY[
            CASE WHEN $2 THEN 'username' END,
            CASE WHEN $4 THEN 'email' END
        ], NULL))
    FROM changed
)
SELECT id, username, email, role, disabled_at, created_at, updated_at
FROM changed
