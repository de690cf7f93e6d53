-- Why: every instance has one knowledge base, whoever made the instance; its entries are the user's documents.
SET LOCAL lock_timeout = '5s';

CREATE TABLE knowledge_bases (
    id uuid PRIMARY KEY DEFAULT uuid_v7(),
    instance_id uuid NOT NULL CONSTRAINT knowledge_bases_instance_id_key UNIQUE
        CONSTRAINT knowledge_bases_instance_id_fkey REFERENCES instances (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE knowledge_base_entries (
    id uuid PRIMARY KEY DEFAULT uuid_v7(),
    knowledge_base_id uuid NOT NULL CONSTRAINT knowledge_base_entries_knowledge_base_id_fkey
        REFERENCES knowledge_bases (id) ON DELETE CASCADE,
    content text NOT NULL,
    data_type text NOT NULL CONSTRAINT knowledge_base_entries_data_type_check
        CHECK (data_type IN ('document', 'video', 'other')),
    lang_hint text NOT NULL DEFAULT 'other' CONSTRAINT knowledge_base_entries_lang_hint_check
        CHECK (lang_hint IN ('en', 'es', 'other')),
    source_url text,
    status text NOT NULL DEFAULT 'queued' CONSTRAINT knowledge_base_entries_status_check
        CHECK (status IN ('queued', 'processing', 'ready', 'failed')),
    status_reason text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE INDEX knowledge_base_entries_of_base ON knowledge_base_entries (knowledge_base_id, id DESC);

-- A row that its maker gave a knowledge base of a chosen id (the platform does, in the same statement) is left alone.
CREATE FUNCTION give_knowledge_base() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM public.knowledge_bases WHERE instance_id = NEW.id) THEN
        INSERT INTO public.knowledge_bases (instance_id) VALUES (NEW.id);
    END IF;
    RETURN NULL;
END
$$;

-- The name sorts behind `instances_a_record_insert`: `instance.created` comes before `knowledge_base.created`.
CREATE TRIGGER instances_b_give_knowledge_base AFTER INSERT ON instances
FOR EACH ROW EXECUTE FUNCTION give_knowledge_base();

-- No DELETE on knowledge_bases: they go with their instance, by the foreign key.
GRANT SELECT, INSERT ON knowledge_bases TO botberi;
GRANT SELECT, INSERT, UPDATE, DELETE ON knowledge_base_entries TO botberi;
