-- What an administrator decides about an account. One that its owner has closed stays so. Triggers end its sessions where it may do
-- less, or something else, from now on.
UPDATE users
SET
    role = coalesce($2, role),
    disabled_at = CASE
        WHEN $3::boolean IS NULL THEN disabled_at
        WHEN $3 THEN coalesce(disabled_at, clock_timestamp())
    END,
    updated_at = greatest(clock_timestamp(), updated_at + interval '1 microsecond')
WHERE id = $1 AND closed_at IS NULL
    AND ($4::bigint IS NULL OR (extract(epoch FROM updated_at) * 1000000)::bigint = $4)
RETURNING id, username, email, role, disabled_at, created_at, updated_at
