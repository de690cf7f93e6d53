INSERT INTO knowledge_base_file_parts (file_id, number, bytes) VALUES ($1, $2, $3)
