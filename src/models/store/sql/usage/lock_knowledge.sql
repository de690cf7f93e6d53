-- Whoever adds something holds the row until it is there.
SELECT knowledge_entries, knowledge_bytes,
    coalesce(knowledge_entries_max, $2::bigint) AS entries_allowed, coalesce(knowledge_bytes_max, $3::bigint) AS bytes_allowed
FROM usage
WHERE user_id = $1
FOR NO KEY UPDATE
