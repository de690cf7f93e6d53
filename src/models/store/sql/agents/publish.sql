-- A trigger keeps the version that is offered from now on; publishing what is published changes nothing.
WITH target AS (
    SELECT revision AS target_revision FROM agents WHERE id = $1 FOR NO KEY UPDATE
), changed AS (
    UPDATE agents a
    SET status = 'published', request_id = $2, traceparent = $3
    FROM target
    WHERE a.id = $1 AND target_revision = coalesce($4::bigint, target_revision)
    RETURNING
        a.id, a.title, a.content, a.activation_code, a.rate, a.version, a.status, a.revision, a.created_at,
        a.updated_at
), audited AS (
    INSERT INTO audit_entries (origin, action, target_kind, target_id)
    SELECT $5::jsonb, 'agent.publish', 'agent', changed.id::text
    FROM changed, target
    WHERE changed.revision > target_revision
)
SELECT id, title, content, activation_code, rate, version, status, revision, created_at, updated_at
FROM changed
