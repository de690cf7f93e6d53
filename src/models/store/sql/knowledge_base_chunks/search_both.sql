-- As `search`, fused with what is nearest by meaning, $9 in its order: each piece has one over 60 and its place among the words, and $11
-- over 60 and its place here (reciprocal rank fusion). $10 of each list are looked at. A vector that is gone meanwhile leads to nothing.
WITH by_words AS MATERIALIZED (
    SELECT best.entry_id, best.number, row_number() OVER (ORDER BY best.score DESC, best.entry_id, best.number) AS place
    FROM unnest($2::text[], $3::text[]) AS asked (lang, chosen)
    CROSS JOIN LATERAL (
        SELECT array_agg(term_query::tsquery) AS queries, array_agg(term_weight) AS weights
        FROM unnest($5::text[], $6::text[], $7::float8[]) AS term (term_lang, term_query, term_weight)
        WHERE term_lang = asked.lang
    ) AS term
    CROSS JOIN LATERAL knowledge_best($1, asked.lang, asked.chosen::tsquery, term.queries, term.weights, $10) AS best
    ORDER BY best.score DESC, best.entry_id, best.number
    LIMIT $10
), by_meaning AS MATERIALIZED (
    SELECT v.entry_id, v.number, near.place
    FROM unnest($9::bigint[]) WITH ORDINALITY AS near (id, place)
    CROSS JOIN LATERAL (
        SELECT vector.entry_id, vector.number
        FROM knowledge_base_vectors vector
        WHERE vector.knowledge_base_id = $1 AND vector.id = near.id
        OFFSET 0
    ) AS v
), top AS MATERIALIZED (
    SELECT found.entry_id, found.number, sum(found.weight / (60 + found.place)) AS score
    FROM (
        SELECT entry_id, number, place, 1.0::float8 AS weight FROM by_words
        UNION ALL
        SELECT entry_id, number, place, $11::float8 FROM by_meaning
    ) AS found
    GROUP BY found.entry_id, found.number
    ORDER BY score DESC, found.entry_id, found.number
    LIMIT $8
)
SELECT top.entry_id, top.number, top.score, c.content, c.headings, c.starts_at, c.ends_at, c.page, c.start_ms, c.end_ms,
    e.title, e.file_name, e.source_url, e.data_type, e.lang_hint,
    knowledge_shown(c.lang, c.content, coalesce((
        SELECT asked.shown::tsquery FROM unnest($2::text[], $4::text[]) AS asked (lang, shown) WHERE asked.lang = c.lang
    ), ''::tsquery)) AS shown
FROM top
-- One after the other, by their keys.
CROSS JOIN LATERAL (
    SELECT chunk.lang, chunk.content, chunk.headings, chunk.starts_at, chunk.ends_at, chunk.page, chunk.start_ms, chunk.end_ms
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
