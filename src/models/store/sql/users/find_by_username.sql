SELECT id, username, email, role, disabled_at, created_at, updated_at, password_hash
FROM users
WHERE lower(username) = lower($1) AND closed_at IS NULL
