SELECT id FROM knowledge_base_vectors WHERE knowledge_base_id = $1 ORDER BY id
