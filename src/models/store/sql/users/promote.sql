UPDATE users
SET role = 'admin', updated_at = clock_timestamp()
WHERE id = $1
RETURNING id, username, email, role, disabled_at, created_at, updated_at
