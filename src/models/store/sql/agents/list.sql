SELECT id, title, content, activation_code, rate, version, status, revision, created_at, updated_at
FROM agents
WHERE id < coalesce($1, 2147483647)
ORDER BY id DESC
LIMIT $2
