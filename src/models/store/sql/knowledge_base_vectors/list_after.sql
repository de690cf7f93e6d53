SELECT id, model = $3 AS is_of_model, scale, vector
FROM knowledge_base_vectors
WHERE knowledge_base_id = $1 AND id > $2
ORDER BY id
LIMIT $4
