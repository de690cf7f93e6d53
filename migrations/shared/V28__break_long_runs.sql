-- Why: Postgres' parser of texts looks for addresses in what stands without spaces, from each of its places anew. A document of 330 kB
-- (`a@1a@1…`) cost it a minute, and whoever found a piece of it as much again. Such runs are broken before it sees them, by a letter
-- that no text here has, and that is taken out again of what is shown.
SET LOCAL lock_timeout = '5s';

CREATE FUNCTION knowledge_breakable(content text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        -- Behind a sign where there is one: not within a word.
        WHEN content ~ '\S{97}' THEN regexp_replace(
            regexp_replace(content, '(\S{48,95}[^\s[:alnum:]])(?=\S)', E'\\1\uE002', 'g'),
            E'([^\\s\uE002]{96})(?=[^\\s\uE002])', E'\\1\uE002', 'g'
        )
        ELSE content
    END
$$;

CREATE OR REPLACE FUNCTION knowledge_words(lang text, headings text, content text) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT setweight(to_tsvector(public.knowledge_config(lang), public.knowledge_breakable(headings)), 'B')
        || to_tsvector(public.knowledge_config(lang), public.knowledge_breakable(content))
        || CASE lang WHEN 'es' THEN to_tsvector('pg_catalog.spanish', public.knowledge_breakable(content)) ELSE '' END
$$;

-- The whole piece, with what was looked for between two letters that no text here has either.
CREATE FUNCTION knowledge_shown(lang text, content text, asked tsquery) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ts_headline(
        public.knowledge_config(lang), public.knowledge_breakable(content), asked,
        E'HighlightAll=true, StartSel=\uE000, StopSel=\uE001'
    )
$$;

GRANT EXECUTE ON FUNCTION knowledge_breakable(text), knowledge_shown(text, text, tsquery) TO botberi;
