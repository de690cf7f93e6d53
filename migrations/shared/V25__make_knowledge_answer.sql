-- Why: an entry of a knowledge base is read by a worker, cut into chunks, and found by its words. Who reads it is kept in the row
-- itself, as for instances: owner, epoch, attempts and deadline are nobody's business outside (no revision, no event). How much a
-- user may keep is counted where it is added, under a lock on that user's row.
SET LOCAL lock_timeout = '5s';

-- Trusted ones: whoever owns the database may have them.
CREATE EXTENSION IF NOT EXISTS btree_gin;
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS unaccent;

ALTER TABLE knowledge_base_entries
    -- Who made the instance: whose quota it counts for. Kept here, because a deletion with its instance finds no instance any more.
    ADD COLUMN user_id uuid,
    ADD COLUMN source text NOT NULL DEFAULT 'text' CONSTRAINT knowledge_base_entries_source_check
        CHECK (source IN ('text', 'url', 'file')),
    ADD COLUMN title text,
    ADD COLUMN file_name text,
    -- What its bytes were taken for.
    ADD COLUMN format text,
    -- What it takes of the quota: the text that was sent, the file, what an address led to.
    ADD COLUMN bytes bigint NOT NULL DEFAULT 0,
    -- Of what the user gave: the text, the file, the address. The same thing is kept once in a knowledge base.
    ADD COLUMN content_hash bytea,
    -- What an address led to when it was read last.
    ADD COLUMN fetched_hash bytea,
    -- The text that the chunks are pieces of, where it is another than `content`.
    ADD COLUMN extracted text,
    -- What the chunks were made from, and by which rules.
    ADD COLUMN indexed_hash bytea,
    ADD COLUMN chunk_count integer NOT NULL DEFAULT 0,
    -- What language they are in: `lang_hint` may be another by now.
    ADD COLUMN indexed_lang text,
    -- It is to be read anew even if it would come to the same.
    ADD COLUMN is_forced boolean NOT NULL DEFAULT false,
    ADD COLUMN revision bigint NOT NULL DEFAULT 1,
    -- Not before that.
    ADD COLUMN due_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ADD COLUMN owner_replica uuid,
    ADD COLUMN owner_epoch bigint NOT NULL DEFAULT 0,
    ADD COLUMN attempts integer NOT NULL DEFAULT 0,
    ADD COLUMN deadline_at timestamptz,
    ADD COLUMN request_id text,
    ADD COLUMN traceparent text;

-- What is there already, if anything is: nobody has read it yet.
ALTER TABLE knowledge_base_entries DISABLE TRIGGER USER;
UPDATE knowledge_base_entries e
SET user_id = i.user_id, bytes = octet_length(e.content),
    source = CASE WHEN e.content = '' AND e.source_url IS NOT NULL THEN 'url' ELSE 'text' END
FROM knowledge_bases kb JOIN instances i ON i.id = kb.instance_id
WHERE kb.id = e.knowledge_base_id;
ALTER TABLE knowledge_base_entries ENABLE TRIGGER USER;
ALTER TABLE knowledge_base_entries ALTER COLUMN user_id SET NOT NULL;

CREATE UNIQUE INDEX knowledge_base_entries_content_key ON knowledge_base_entries (knowledge_base_id, content_hash)
    WHERE content_hash IS NOT NULL;
-- What waits to be read, user by user; and what is being read, by whom.
CREATE INDEX knowledge_base_entries_queued ON knowledge_base_entries (user_id, due_at, id) WHERE status = 'queued';
CREATE INDEX knowledge_base_entries_processing ON knowledge_base_entries (owner_replica) WHERE status = 'processing';
-- How many chunks there are in which language.
CREATE INDEX knowledge_base_entries_languages ON knowledge_base_entries (knowledge_base_id, indexed_lang) INCLUDE (chunk_count)
    WHERE chunk_count > 0;

-- A file, in the pieces in which it came. One without an entry is being uploaded, or was left behind by an upload that broke off.
CREATE TABLE knowledge_base_files (
    id uuid PRIMARY KEY DEFAULT uuid_v7(),
    user_id uuid NOT NULL,
    entry_id uuid CONSTRAINT knowledge_base_files_entry_id_key UNIQUE
        CONSTRAINT knowledge_base_files_entry_id_fkey REFERENCES knowledge_base_entries (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Since when it waits for its entry.
    pending_since timestamptz DEFAULT clock_timestamp()
);
CREATE INDEX knowledge_base_files_left_behind ON knowledge_base_files (pending_since) WHERE pending_since IS NOT NULL;

CREATE TABLE knowledge_base_file_parts (
    file_id uuid NOT NULL CONSTRAINT knowledge_base_file_parts_file_id_fkey
        REFERENCES knowledge_base_files (id) ON DELETE CASCADE,
    number integer NOT NULL,
    bytes bytea NOT NULL,
    PRIMARY KEY (file_id, number)
);
-- Most files are packed already.
ALTER TABLE knowledge_base_file_parts ALTER COLUMN bytes SET STORAGE EXTERNAL;

-- Words without their accents, in English and Spanish by their stems. Spanish stems differ where an accent is left out, so that
-- there each word stands in the index twice: with its accents, and without.
CREATE TEXT SEARCH CONFIGURATION knowledge_en (COPY = pg_catalog.english);
ALTER TEXT SEARCH CONFIGURATION knowledge_en
    ALTER MAPPING FOR hword, hword_part, word WITH unaccent, english_stem;
CREATE TEXT SEARCH CONFIGURATION knowledge_es (COPY = pg_catalog.spanish);
ALTER TEXT SEARCH CONFIGURATION knowledge_es
    ALTER MAPPING FOR hword, hword_part, word WITH unaccent, spanish_stem;
CREATE TEXT SEARCH CONFIGURATION knowledge_other (COPY = pg_catalog.simple);
ALTER TEXT SEARCH CONFIGURATION knowledge_other
    ALTER MAPPING FOR hword, hword_part, word WITH unaccent, simple;

CREATE FUNCTION knowledge_config(lang text) RETURNS regconfig
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE lang
        WHEN 'en' THEN 'public.knowledge_en'::regconfig
        WHEN 'es' THEN 'public.knowledge_es'::regconfig
        ELSE 'public.knowledge_other'::regconfig
    END
$$;

-- What a chunk is found by: its headings weigh more than what stands under them.
CREATE FUNCTION knowledge_words(lang text, headings text, content text) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT setweight(to_tsvector(public.knowledge_config(lang), headings), 'B')
        || to_tsvector(public.knowledge_config(lang), content)
        || CASE lang WHEN 'es' THEN to_tsvector('pg_catalog.spanish', content) ELSE '' END
$$;

CREATE TABLE knowledge_base_chunks (
    knowledge_base_id uuid NOT NULL,
    entry_id uuid NOT NULL CONSTRAINT knowledge_base_chunks_entry_id_fkey
        REFERENCES knowledge_base_entries (id) ON DELETE CASCADE,
    number integer NOT NULL,
    lang text NOT NULL CONSTRAINT knowledge_base_chunks_lang_check CHECK (lang IN ('en', 'es', 'other')),
    headings text[] NOT NULL,
    content text NOT NULL,
    -- In characters of the text that it is a piece of.
    starts_at integer NOT NULL,
    ends_at integer NOT NULL,
    page integer,
    start_ms bigint,
    end_ms bigint,
    words tsvector NOT NULL,
    PRIMARY KEY (entry_id, number)
);
-- Without a list of what is not yet in it: every search would read that from end to end.
CREATE INDEX knowledge_base_chunks_words ON knowledge_base_chunks USING gin (knowledge_base_id, words) WITH (fastupdate = off);

-- The words of a knowledge base, folded, each once: what a typing error may have meant. It only ever grows; a word of which
-- nothing is left leads to nothing.
CREATE TABLE knowledge_base_words (
    knowledge_base_id uuid NOT NULL CONSTRAINT knowledge_base_words_knowledge_base_id_fkey
        REFERENCES knowledge_bases (id) ON DELETE CASCADE,
    -- By its bytes, so that beginnings stand together.
    word text COLLATE "C" NOT NULL,
    PRIMARY KEY (knowledge_base_id, word)
);
CREATE INDEX knowledge_base_words_alike ON knowledge_base_words USING gin (knowledge_base_id, word gin_trgm_ops)
    WITH (fastupdate = off);

-- The platform's connections plan without bitmaps, which an index of words cannot do without: these functions bring them back for
-- what is theirs alone.
CREATE FUNCTION knowledge_count(base uuid, in_lang text, asked tsquery, at_most bigint) RETURNS bigint
LANGUAGE plpgsql STABLE PARALLEL SAFE SET enable_bitmapscan = on AS $$
BEGIN
    RETURN (
        SELECT count(*)
        FROM (
            SELECT
            FROM public.knowledge_base_chunks c
            WHERE c.knowledge_base_id = base AND c.lang = in_lang AND c.words @@ asked
            LIMIT at_most
        ) AS found
    );
END
$$;

-- How often a term stands in a chunk, damped, times how rare it is, over the chunk's length: as BM25 does it, with what an index of
-- Postgres knows.
CREATE FUNCTION knowledge_best(base uuid, in_lang text, chosen tsquery, terms tsquery[], weights float8[], at_most bigint)
RETURNS TABLE (entry_id uuid, number integer, score float8)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 50 SET enable_bitmapscan = on AS $$
BEGIN
    RETURN QUERY
    SELECT c.entry_id, c.number,
        (
            -- And by how much of what was asked is there.
            SELECT sum(weight * how_often) * sum(CASE WHEN how_often > 0 THEN weight ELSE 0 END) / sum(weight)
            FROM unnest(terms, weights) AS asked (term, weight)
            CROSS JOIN LATERAL (
                SELECT ts_rank('{0.5, 0.6, 0.8, 1.0}', c.words, term) AS how_often OFFSET 0
            ) AS standing
        ) / (1 + ln(1 + length(c.words) / 100.0)) AS how_good
    FROM (
        -- Whatever is asked, no more than so many are looked at.
        SELECT chunk.entry_id, chunk.number, chunk.words
        FROM public.knowledge_base_chunks chunk
        WHERE chunk.knowledge_base_id = base AND chunk.lang = in_lang AND chunk.words @@ chosen
        LIMIT 5000
    ) AS c
    ORDER BY how_good DESC, c.entry_id, c.number
    LIMIT at_most;
END
$$;

-- The words that share most letters with one, three by three.
CREATE FUNCTION knowledge_alike(base uuid, asked text, at_most bigint) RETURNS TABLE (word text, likeness real)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 3 SET enable_bitmapscan = on AS $$
BEGIN
    RETURN QUERY
    SELECT w.word, similarity(w.word, asked) AS how_like
    FROM public.knowledge_base_words w
    WHERE w.knowledge_base_id = base AND w.word OPERATOR(public.%) asked
    ORDER BY how_like DESC, w.word
    LIMIT at_most;
END
$$;

-- Words that begin so.
CREATE FUNCTION knowledge_beginning(base uuid, asked text, at_most bigint) RETURNS TABLE (word text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 20 AS $$
    SELECT w.word
    FROM public.knowledge_base_words w
    WHERE w.knowledge_base_id = base AND w.word >= asked AND w.word < asked || U&'\+10FFFF'
    ORDER BY w.word
    LIMIT at_most
$$;

ALTER TABLE usage
    -- Entries of knowledge bases and their bytes, in all instances that a user has made.
    ADD COLUMN knowledge_entries bigint NOT NULL DEFAULT 0,
    ADD COLUMN knowledge_entries_max bigint CONSTRAINT usage_knowledge_entries_max_check CHECK (knowledge_entries_max >= 0),
    ADD COLUMN knowledge_bytes bigint NOT NULL DEFAULT 0,
    ADD COLUMN knowledge_bytes_max bigint CONSTRAINT usage_knowledge_bytes_max_check CHECK (knowledge_bytes_max >= 0);

CREATE FUNCTION count_made_entries() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.usage AS u (user_id, knowledge_entries, knowledge_bytes)
    SELECT made.user_id, count(*), sum(made.bytes) FROM made GROUP BY made.user_id ORDER BY made.user_id
    ON CONFLICT (user_id) DO UPDATE SET
        knowledge_entries = u.knowledge_entries + EXCLUDED.knowledge_entries,
        knowledge_bytes = u.knowledge_bytes + EXCLUDED.knowledge_bytes;
    RETURN NULL;
END
$$;

CREATE FUNCTION count_deleted_entries() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE public.usage u
    SET knowledge_entries = u.knowledge_entries - less.entries, knowledge_bytes = u.knowledge_bytes - less.bytes
    FROM (SELECT user_id, count(*) AS entries, sum(bytes) AS bytes FROM gone GROUP BY user_id ORDER BY user_id) AS less
    WHERE u.user_id = less.user_id;
    RETURN NULL;
END
$$;

CREATE FUNCTION count_resized_entry() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE public.usage SET knowledge_bytes = knowledge_bytes + NEW.bytes - OLD.bytes WHERE user_id = NEW.user_id;
    RETURN NULL;
END
$$;

CREATE TRIGGER knowledge_base_entries_count_made AFTER INSERT ON knowledge_base_entries
REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION count_made_entries();
CREATE TRIGGER knowledge_base_entries_count_deleted AFTER DELETE ON knowledge_base_entries
REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION count_deleted_entries();
CREATE TRIGGER knowledge_base_entries_count_resized AFTER UPDATE ON knowledge_base_entries
FOR EACH ROW WHEN (OLD.bytes <> NEW.bytes) EXECUTE FUNCTION count_resized_entry();

INSERT INTO usage AS u (user_id, knowledge_entries, knowledge_bytes)
SELECT user_id, count(*), sum(bytes) FROM knowledge_base_entries GROUP BY user_id
ON CONFLICT (user_id) DO UPDATE SET
    knowledge_entries = EXCLUDED.knowledge_entries, knowledge_bytes = EXCLUDED.knowledge_bytes;

-- Whoever inserts names the knowledge base; whose it is follows from that. A writer by plain SQL may leave out everything else,
-- too: what has an address and no content is to be fetched.
CREATE FUNCTION complete_knowledge_base_entry() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    SELECT i.user_id INTO NEW.user_id
    FROM public.knowledge_bases kb JOIN public.instances i ON i.id = kb.instance_id
    WHERE kb.id = NEW.knowledge_base_id;
    IF NEW.source = 'text' THEN
        IF NEW.content = '' AND NEW.source_url IS NOT NULL THEN
            NEW.source := 'url';
        END IF;
        NEW.bytes := octet_length(NEW.content);
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER knowledge_base_entries_complete BEFORE INSERT ON knowledge_base_entries
FOR EACH ROW EXECUTE FUNCTION complete_knowledge_base_entry();

-- The one table of lawful moves. `EntryStatus::next` in Rust repeats it; a test compares them.
CREATE FUNCTION knowledge_base_entry_move_is_legal(from_status text, to_status text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE from_status
        WHEN 'queued' THEN to_status IN ('processing', 'ready', 'failed')
        WHEN 'processing' THEN to_status IN ('queued', 'ready', 'failed')
        WHEN 'ready' THEN to_status IN ('queued')
        WHEN 'failed' THEN to_status IN ('queued')
        ELSE false
    END
$$;

CREATE OR REPLACE FUNCTION guard_knowledge_base_entry_update() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.id <> OLD.id OR NEW.knowledge_base_id <> OLD.knowledge_base_id OR NEW.created_at <> OLD.created_at
        OR NEW.user_id <> OLD.user_id
    THEN
        RAISE EXCEPTION USING
            ERRCODE = 'BB003',
            MESSAGE = format('id, knowledge_base_id, user_id and created_at of entry %s cannot change', OLD.id);
    END IF;
    IF NEW.source = 'text' AND NEW.content <> OLD.content THEN
        NEW.bytes := octet_length(NEW.content);
    END IF;
    -- The platform raises the epoch when it changes what is searched. Whoever comes by plain SQL need not know: it is read anew, and
    -- whoever reads it now is shut out.
    IF NEW.owner_epoch = OLD.owner_epoch AND (
        NEW.data_type <> OLD.data_type
        OR NEW.lang_hint <> OLD.lang_hint
        OR (NEW.source = 'text' AND NEW.content <> OLD.content)
        OR (NEW.source = 'url' AND NEW.source_url IS DISTINCT FROM OLD.source_url)
    ) THEN
        IF NEW.content <> OLD.content OR NEW.source_url IS DISTINCT FROM OLD.source_url THEN
            NEW.content_hash := NULL;
        END IF;
        NEW.status := 'queued';
        NEW.status_reason := NULL;
        NEW.owner_replica := NULL;
        NEW.owner_epoch := OLD.owner_epoch + 1;
        NEW.deadline_at := NULL;
        NEW.attempts := 0;
        NEW.due_at := clock_timestamp();
    END IF;
    IF NEW.status <> OLD.status AND NOT public.knowledge_base_entry_move_is_legal(OLD.status, NEW.status) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'BB001',
            MESSAGE = format('entry %s cannot go from %s to %s', OLD.id, OLD.status, NEW.status);
    END IF;

    NEW.revision := OLD.revision;
    NEW.updated_at := OLD.updated_at;
    IF NEW.status <> OLD.status
        OR (NEW.status_reason, NEW.data_type, NEW.lang_hint, NEW.source_url, NEW.title)
            IS DISTINCT FROM (OLD.status_reason, OLD.data_type, OLD.lang_hint, OLD.source_url, OLD.title)
        OR NEW.content <> OLD.content
    THEN
        NEW.revision := OLD.revision + 1;
        -- Later than before even on a clock that stands still: the recording trigger looks at nothing else.
        NEW.updated_at := greatest(clock_timestamp(), OLD.updated_at + interval '1 microsecond');
        -- As for instances: what anybody else writes is not that request's doing.
        IF NOT public.bell_is_quiet() AND NEW.request_id IS NOT DISTINCT FROM OLD.request_id
            AND NEW.traceparent IS NOT DISTINCT FROM OLD.traceparent
        THEN
            NEW.request_id := NULL;
            NEW.traceparent := NULL;
        END IF;
    ELSE
        NEW.request_id := OLD.request_id;
        NEW.traceparent := OLD.traceparent;
    END IF;
    RETURN NEW;
END
$$;

CREATE OR REPLACE FUNCTION record_knowledge_base_entry_change() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    entry public.knowledge_base_entries;
    entry_revision bigint;
    owner record;
    recorded bigint;
BEGIN
    IF TG_OP = 'DELETE' THEN
        entry := OLD;
        entry_revision := OLD.revision + 1;
    ELSE
        entry := NEW;
        entry_revision := NEW.revision;
    END IF;
    SELECT i.id AS instance_id, i.user_id, i.team_id INTO owner
    FROM public.knowledge_bases kb JOIN public.instances i ON i.id = kb.instance_id
    WHERE kb.id = entry.knowledge_base_id AND i.deleted_at IS NULL;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;

    INSERT INTO public.event_outbox
        (routing_key, table_name, event_type, aggregate_id, revision, user_id, team_id, request_id, traceparent, body)
    VALUES (
        CASE TG_OP
            WHEN 'INSERT' THEN 'knowledge_base.entry.created'
            WHEN 'UPDATE' THEN 'knowledge_base.entry.updated'
            ELSE 'knowledge_base.entry.deleted'
        END,
        'knowledge_base_entries', lower(TG_OP), entry.id::text, entry_revision, owner.user_id, owner.team_id,
        entry.request_id, entry.traceparent,
        json_build_object(
            'entry_id', entry.id, 'knowledge_base_id', entry.knowledge_base_id, 'instance_id', owner.instance_id,
            'user_id', owner.user_id, 'team_id', owner.team_id, 'data_type', entry.data_type, 'lang_hint', entry.lang_hint,
            'status', entry.status, 'status_reason', entry.status_reason, 'revision', entry_revision
        )
    )
    RETURNING id INTO recorded;

    IF NOT public.bell_is_quiet() THEN
        PERFORM public.ring_bell(
            lower(TG_OP), 'knowledge_base_entries', json_build_object('id', entry.id),
            json_build_object(
                'id', entry.id, 'knowledge_base_id', entry.knowledge_base_id, 'data_type', entry.data_type,
                'lang_hint', entry.lang_hint, 'status', entry.status, 'status_reason', entry.status_reason,
                'created_at', public.utc_text(entry.created_at), 'updated_at', public.utc_text(entry.updated_at)
            ),
            recorded
        );
    END IF;
    RETURN NULL;
END
$$;

-- Files are written in pieces and never changed; whoever comes by plain SQL is told of in the log by the entry.
GRANT SELECT, INSERT, UPDATE, DELETE ON knowledge_base_files TO botberi;
GRANT SELECT, INSERT, DELETE ON knowledge_base_file_parts, knowledge_base_chunks TO botberi;
GRANT SELECT, INSERT ON knowledge_base_words TO botberi;
GRANT EXECUTE ON FUNCTION knowledge_config(text), knowledge_words(text, text, text),
    knowledge_base_entry_move_is_legal(text, text), knowledge_count(uuid, text, tsquery, bigint),
    knowledge_best(uuid, text, tsquery, tsquery[], float8[], bigint), knowledge_alike(uuid, text, bigint),
    knowledge_beginning(uuid, text, bigint) TO botberi;
