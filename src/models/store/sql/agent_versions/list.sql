SELECT agent_id, version, title, content, rate, published_at
FROM agent_versions
WHERE agent_id = $1 AND version < coalesce($2, 2147483647)
ORDER BY version DESC
LIMIT $3
