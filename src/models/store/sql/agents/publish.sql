-- A trigger keeps the version that is offered from now on; publishing what is published changes nothing.
UPDATE agents
SET status = 'published', request_id = $2, traceparent = $3
WHERE id = $1 AND revision = coalesce($4::bigint, revision)
RETURNING id, title, content, activation_code, rate, version, status, revision, created_at, updated_at
