-- What each term of a query is in each language that there are chunks in, and how many chunks have it: the fewer, the more it says.
-- No more than so many are counted.
WITH language AS MATERIALIZED (
    SELECT indexed_lang AS lang, sum(chunk_count)::bigint AS chunks
    FROM knowledge_base_entries
    WHERE knowledge_base_id = $1 AND chunk_count > 0 AND indexed_lang IS NOT NULL
    GROUP BY indexed_lang
), term AS MATERIALIZED (
    SELECT asked.ordinal, asked.kind, language.lang, language.chunks,
        -- In either language: documents quote the other, and its small words are rare there.
        asked.kind = 'word' AND (
            numnode(plainto_tsquery('pg_catalog.english', asked.text)) = 0
            OR numnode(plainto_tsquery('pg_catalog.spanish', asked.text)) = 0
        ) AS is_stop_word,
        CASE
            WHEN asked.kind = 'prefix' THEN to_tsquery('pg_catalog.simple', asked.text || ':*')
            WHEN asked.kind = 'word' THEN
                plainto_tsquery(knowledge_config(language.lang), knowledge_breakable(asked.text))
                || CASE language.lang
                    WHEN 'es' THEN plainto_tsquery('pg_catalog.spanish', knowledge_breakable(asked.text))
                    ELSE ''
                END
            ELSE phraseto_tsquery(knowledge_config(language.lang), knowledge_breakable(asked.text))
        END AS query
    FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS asked (kind, text, ordinal)
    CROSS JOIN language
)
SELECT term.ordinal, term.is_stop_word, term.lang, term.chunks, term.query::text AS query, numnode(term.query) AS nodes,
    CASE WHEN numnode(term.query) > 0 AND term.kind <> 'without' THEN knowledge_count($1, term.lang, term.query, $4) ELSE 0 END AS found
FROM term
ORDER BY term.ordinal, term.lang
