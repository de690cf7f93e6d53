INSERT INTO knowledge_base_chunks
    (knowledge_base_id, entry_id, number, lang, headings, content, starts_at, ends_at, page, start_ms, end_ms, words)
SELECT $1, $2, $3 + ordinal::integer - 1, $4, string_to_array(headings, E'\x1f'), content, starts_at, ends_at, page, start_ms, end_ms,
    knowledge_words($4, replace(headings, E'\x1f', ' '), content)
FROM unnest($5::text[], $6::text[], $7::integer[], $8::integer[], $9::integer[], $10::bigint[], $11::bigint[]) WITH ORDINALITY
    AS chunk (headings, content, starts_at, ends_at, page, start_ms, end_ms, ordinal)
