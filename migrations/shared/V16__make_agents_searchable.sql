-- Why: administrators look agents up by words, whatever their case and accents. What is searched is kept folded beside the
-- row, so that a search reads a short text of each agent and not its whole document.
SET LOCAL lock_timeout = '5s';

-- The same letters as `models::search::fold` makes of a text: compatibility forms taken apart, accents dropped, lower case,
-- one kind of sigma.
-- An ICU collation, because the database's own may know no letters beyond ASCII.
CREATE FUNCTION search_fold(words text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT replace(
        lower(regexp_replace(normalize(words, NFKD), '[\u0300-\u036F]', '', 'g') COLLATE pg_catalog."und-x-icu"), 'ς', 'σ'
    )
$$;

-- The document is opaque: what is not of the expected kind in there is passed over.
CREATE FUNCTION agent_search_text(title text, content jsonb, activation_code text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT public.search_fold(concat_ws(
        E'\n', title, activation_code,
        CASE jsonb_typeof(content -> 'description') WHEN 'string' THEN content ->> 'description' END,
        CASE jsonb_typeof(content -> 'category') WHEN 'string' THEN content ->> 'category' END,
        (
            SELECT string_agg(capability #>> '{}', E'\n')
            FROM jsonb_array_elements(
                CASE jsonb_typeof(content -> 'capabilities') WHEN 'array' THEN content -> 'capabilities' ELSE '[]' END
            ) AS capability
            WHERE jsonb_typeof(capability) = 'string'
        )
    ))
$$;

CREATE FUNCTION agent_category(content jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE jsonb_typeof(content -> 'category') WHEN 'string' THEN public.search_fold(content ->> 'category') END
$$;

-- The table is short: writing it anew takes no time that anybody would notice.
ALTER TABLE agents
    ADD COLUMN search_text text NOT NULL GENERATED ALWAYS AS (agent_search_text(title, content, activation_code)) STORED,
    ADD COLUMN category text GENERATED ALWAYS AS (agent_category(content)) STORED;

GRANT EXECUTE ON FUNCTION search_fold(text), agent_search_text(text, jsonb, text), agent_category(jsonb) TO botberi;
