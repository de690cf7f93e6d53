SELECT agent_id, version, title, content, rate, published_at
FROM agent_versions
WHERE agent_id = $1 AND version = $2
