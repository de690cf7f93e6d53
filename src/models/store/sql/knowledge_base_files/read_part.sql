SELECT bytes FROM knowledge_base_file_parts WHERE file_id = $1 AND number = $2
