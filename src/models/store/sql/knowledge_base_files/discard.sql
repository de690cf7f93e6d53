DELETE FROM knowledge_base_files WHERE id = $1 AND entry_id IS NULL
