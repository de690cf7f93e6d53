SELECT id, scale, CASE WHEN model = $3 THEN vector END AS vector
FROM knowledge_base_vectors
WHERE knowledge_base_id = $1 AND id > $2
ORDER BY id
LIMIT $4
