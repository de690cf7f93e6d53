-- The revision is compared on the locked row: of two writers with the same If-Match, one is told that it was late.
WITH target AS (
    SELECT id AS target_id, revision AS target_revision FROM agents WHERE id = $1 FOR NO KEY UPDATE
), changed AS (
    UPDATE agents
    SET title = coalesce($2, title),
        content = coalesce($3, content),
        activation_code = coalesce($4, activation_code),
        rate = coalesce($5, rate)
    FROM target
    WHERE id = target_id AND target_revision = coalesce($6, target_revision)
    RETURNING id, title, content, activation_code, rate, version, status, revision, created_at, updated_at
)
SELECT id, title, content, activation_code, rate, version, status, revision, created_at, updated_at
FROM target LEFT JOIN changed ON id = target_id
