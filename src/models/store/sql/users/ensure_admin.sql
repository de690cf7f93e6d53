-- A person who was there before under that very name becomes administrator and keeps the password. Nothing comes of a name that
-- differs in case: who has it may be somebody else.
INSERT INTO users (id, username, email, password_hash, role)
VALUES ($1, $2, $3, $4, 'admin')
ON CONFLICT (lower(username)) DO UPDATE SET role = 'admin', updated_at = clock_timestamp()
WHERE users.username = excluded.username
RETURNING id, username, email, role, disabled_at, created_at, updated_at, (xmax = 0) AS is_new
