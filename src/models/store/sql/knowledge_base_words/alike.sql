-- For each word the nearest ones that are there.
SELECT asked.ordinal, near.word
FROM unnest($2::text[]) WITH ORDINALITY AS asked (word, ordinal)
CROSS JOIN LATERAL knowledge_alike($1, asked.word, $3) AS near
ORDER BY asked.ordinal, near.likeness DESC, near.word
