-- In one order, as whoever writes several does.
INSERT INTO knowledge_base_words (knowledge_base_id, word)
SELECT $1, word
FROM unnest($2::text[]) AS word
ORDER BY word
ON CONFLICT DO NOTHING
