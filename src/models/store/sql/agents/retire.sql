UPDATE agents
SET status = 'retired', request_id = $2, traceparent = $3
WHERE id = $1 AND revision = coalesce($4::bigint, revision)
RETURNING id, title, content, activation_code, rate, version, status, revision, created_at, updated_at
