SELECT id, title, content, activation_code, rate, version, status, revision, created_at, updated_at
FROM agents
WHERE activation_code = $1
FOR NO KEY UPDATE
