UPDATE users
SET role = 'admin', updated_at = clock_timestamp()
WHERE id = $1 AND closed_at IS NULL AND disabled_at IS NULL
RETURNING id, username, email, role, disabled_at, created_at, updated_at
