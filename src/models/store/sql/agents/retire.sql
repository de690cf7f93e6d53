UPDATE agents
SET status = 'retired'
WHERE id = $1 AND revision = coalesce($2::bigint, revision)
RETURNING id, title, content, activation_code, rate, version, status, revision, created_at, updated_at
