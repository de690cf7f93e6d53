-- For each language a query that chooses, and the terms that score with their weights. Only what is given back is shown with its
-- matches.
WITH top AS MATERIALIZED (
    SELECT best.entry_id, best.number, best.score, asked.lang, asked.shown
    FROM unnest($2::text[], $3::text[], $4::text[]) AS asked (lang, chosen, shown)
    CROSS JOIN LATERAL (
        SELECT array_agg(term_query::tsquery) AS queries, array_agg(term_weight) AS weights
        FROM unnest($5::text[], $6::text[], $7::float8[]) AS term (term_lang, term_query, term_weight)
        WHERE term_lang = asked.lang
    ) AS term
    CROSS JOIN LATERAL knowledge_best($1, asked.lang, asked.chosen::tsquery, term.queries, term.weights, $8) AS best
    ORDER BY best.score DESC, best.entry_id, best.number
    LIMIT $8
)
SELECT top.entry_id, top.number, top.score, c.content, c.headings, c.starts_at, c.ends_at, c.page, c.start_ms, c.end_ms,
    e.title, e.file_name, e.source_url, e.data_type, e.lang_hint,
    knowledge_shown(top.lang, c.content, top.shown::tsquery) AS shown
FROM top
-- One after the other, by their keys.
CROSS JOIN LATERAL (
    SELECT chunk.content, chunk.headings, chunk.starts_at, chunk.ends_at, chunk.page, chunk.start_ms, chunk.end_ms
    FROM knowledge_base_chunks chunk
    WHERE chunk.entry_id = top.entry_id AND chunk.number = top.number
    OFFSET 0
) AS c
CROSS JOIN LATERAL (
    SELECT entry.title, entry.file_name, entry.source_url, entry.data_type, entry.lang_hint
    FROM knowledge_base_entries entry
    WHERE entry.id = top.entry_id
    OFFSET 0
) AS e
ORDER BY top.score DESC, top.entry_id, top.number
