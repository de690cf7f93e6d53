-- A person who was there before becomes administrator and keeps the password.
INSERT INTO users (id, username, email, password_hash, role)
VALUES ($1, $2, $3, $4, 'admin')
ON CONFLICT (lower(username)) DO UPDATE SET role = 'admin', updated_at = clock_timestamp()
RETURNING id, username, email, role, disabled_at, created_at, updated_at, (xmax = 0) AS is_new
