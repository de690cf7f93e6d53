DELETE FROM knowledge_base_chunks WHERE entry_id = $1
