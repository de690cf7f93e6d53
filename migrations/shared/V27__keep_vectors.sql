-- Why: pieces of entries are found by their words, and, where the operator has a provider of embeddings, by what they mean, too. Vectors
-- are made after an entry is `ready`, by whoever has time: a provider that is away keeps nobody from finding words.
SET LOCAL lock_timeout = '5s';

-- Entries that have pieces, and whether these have their vectors.
CREATE TABLE knowledge_base_embeddings (
    entry_id uuid PRIMARY KEY CONSTRAINT knowledge_base_embeddings_entry_id_fkey
        REFERENCES knowledge_base_entries (id) ON DELETE CASCADE,
    knowledge_base_id uuid NOT NULL,
    user_id uuid NOT NULL,
    -- A row waits until all of its pieces have a vector. Without a provider, for ever.
    is_waiting boolean NOT NULL DEFAULT true,
    -- Of which model the vectors are, or have to be; while it waits and this is empty, of any.
    model text NOT NULL DEFAULT '',
    -- Counts how often its pieces were replaced, or another model was wanted: who had it before has no say in it any more.
    round bigint NOT NULL DEFAULT 0,
    -- Not before that: whoever has taken it has until then, and whoever failed said how long to wait.
    due_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Why it still waits, if something went wrong.
    reason text
);
-- What waits, user by user.
CREATE INDEX knowledge_base_embeddings_waiting ON knowledge_base_embeddings (user_id, due_at, entry_id) WHERE is_waiting;
CREATE INDEX knowledge_base_embeddings_of_base ON knowledge_base_embeddings (knowledge_base_id) INCLUDE (reason) WHERE is_waiting;
CREATE INDEX knowledge_base_embeddings_by_model ON knowledge_base_embeddings (model, entry_id);

-- One vector for a piece.
CREATE TABLE knowledge_base_vectors (
    -- Rises with what is written to one knowledge base, in the order of the commits: writers of it wait for one another. So whoever has
    -- everything up to one number asks for what came after it.
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    knowledge_base_id uuid NOT NULL,
    entry_id uuid NOT NULL,
    number integer NOT NULL,
    model text NOT NULL,
    -- A byte with a sign for each dimension, in steps of `scale`; of length 1.
    scale real NOT NULL,
    vector bytea NOT NULL,
    PRIMARY KEY (entry_id, number),
    CONSTRAINT knowledge_base_vectors_chunk_fkey FOREIGN KEY (entry_id, number)
        REFERENCES knowledge_base_chunks (entry_id, number) ON DELETE CASCADE
);
-- There is nothing to be gained by packing them.
ALTER TABLE knowledge_base_vectors ALTER COLUMN vector SET STORAGE EXTERNAL;
CREATE UNIQUE INDEX knowledge_base_vectors_of_base ON knowledge_base_vectors (knowledge_base_id, id);

-- New pieces want vectors, whoever writes them.
CREATE FUNCTION want_vectors() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.knowledge_base_embeddings AS w (entry_id, knowledge_base_id, user_id)
    SELECT e.id, e.knowledge_base_id, e.user_id
    FROM public.knowledge_base_entries e
    WHERE e.id IN (SELECT made.entry_id FROM made)
    ON CONFLICT (entry_id) DO UPDATE SET 
        is_waiting = true, model = '', round = w.round + 1, due_at = clock_timestamp(), reason = NULL;
    RETURN NULL;
END
$$;

CREATE TRIGGER knowledge_base_chunks_want_vectors AFTER INSERT ON knowledge_base_chunks
REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION want_vectors();

INSERT INTO knowledge_base_embeddings (entry_id, knowledge_base_id, user_id)
SELECT id, knowledge_base_id, user_id FROM knowledge_base_entries WHERE chunk_count > 0;

GRANT SELECT, INSERT, UPDATE, DELETE ON knowledge_base_embeddings, knowledge_base_vectors TO botberi;
GRANT EXECUTE ON FUNCTION want_vectors() TO botberi;
