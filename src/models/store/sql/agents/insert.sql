WITH made AS (
    INSERT INTO agents (title, content, activation_code, rate, request_id, traceparent)
    VALUES ($1, $2, $3, $4, $5, $6)
    RETURNING id, title, content, activation_code, rate, version, status, revision, created_at, updated_at
), audited AS (
    INSERT INTO audit_entries (origin, action, target_kind, target_id)
    SELECT $7::jsonb, 'agent.create', 'agent', made.id::text
    FROM made
)
SELECT id, title, content, activation_code, rate, version, status, revision, created_at, updated_at
FROM made
