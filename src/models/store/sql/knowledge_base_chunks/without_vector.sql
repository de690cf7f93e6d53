SELECT c.number, c.headings, c.content
FROM knowledge_base_chunks c
WHERE c.entry_id = $1 AND c.number > $2 AND NOT coalesce((
    SELECT v.model = $3 FROM knowledge_base_vectors v WHERE v.entry_id = c.entry_id AND v.number = c.number
), false)
ORDER BY c.number
LIMIT $4
