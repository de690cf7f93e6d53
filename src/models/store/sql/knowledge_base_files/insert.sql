INSERT INTO knowledge_base_files (id, user_id) VALUES ($1, $2)
