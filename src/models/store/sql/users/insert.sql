INSERT INTO users (id, username, email, password_hash, role)
VALUES ($1, $2, $3, $4, $5)
RETURNING id, username, email, role, disabled_at, created_at, updated_at
