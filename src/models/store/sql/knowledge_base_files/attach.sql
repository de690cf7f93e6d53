UPDATE knowledge_base_files SET entry_id = $2, pending_since = NULL WHERE id = $1 AND entry_id IS NULL
