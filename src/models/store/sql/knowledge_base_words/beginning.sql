SELECT begun.word
FROM knowledge_beginning($1, $2, $3) AS begun
