SELECT user_id, instances, instances_max, knowledge_entries, knowledge_entries_max, knowledge_bytes, knowledge_bytes_max
FROM usage
WHERE user_id = ANY ($1::uuid[])
