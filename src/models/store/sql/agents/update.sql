-- The revision is compared on the locked row: of two writers with the same If-Match, one is told that it was late.
WITH target AS (
    SELECT revision AS target_revision FROM agents WHERE id = $1 FOR NO KEY UPDATE
), changed AS (
    UPDATE agents a
    SET title = coalesce($2, a.title),
        content = coalesce($3, a.content),
        activation_code = coalesce($4, a.activation_code),
        rate = coalesce($5, a.rate),
        request_id = $7,
        traceparent = $8
    FROM target
    WHERE a.id = $1 AND target_revision = coalesce($6, target_revision)
    RETURNING
        a.id, a.title, a.content, a.activation_code, a.rate, a.version, a.status, a.revision, a.created_at,
        a.updated_at
), audited AS (
    INSERT INTO audit_entries (origin, action, target_kind, target_id, detail)
    SELECT
        $9::jsonb, 'agent.change', 'agent', changed.id::text,
        json_build_object('fields', array_remove(ARRAY[
            CASE WHEN $2 IS NOT NULL THEN 'title' END,
            CASE WHEN $3 IS NOT NULL THEN 'content' END,
            CASE WHEN $4 IS NOT NULL THEN 'activation_code' END,
            CASE WHEN $5 IS NOT NULL THEN 'rate' END
        ], NULL))
    FROM changed, target
    WHERE changed.revision > target_revision
)
SELECT
    changed.id, changed.title, changed.content, changed.activation_code, changed.rate, changed.version,
    changed.status, changed.revision, changed.created_at, changed.updated_at
FROM target LEFT JOIN changed ON true
