SELECT id
FROM knowledge_base_entries
WHERE knowledge_base_id = $1 AND content_hash = $2
