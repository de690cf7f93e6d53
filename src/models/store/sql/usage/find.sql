SELECT instances, instances_max, knowledge_entries, knowledge_entries_max, knowledge_bytes, knowledge_bytes_max
FROM usage
WHERE user_id = $1
