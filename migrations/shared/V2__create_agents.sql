-- Why: the catalog. An instance pins the version it was made with, so what was published is kept for ever, unchanged.
SET LOCAL lock_timeout = '5s';

CREATE TABLE agents (
    id serial PRIMARY KEY,
    title text NOT NULL,
    content jsonb NOT NULL DEFAULT '{}',
    activation_code text NOT NULL CONSTRAINT agents_activation_code_key UNIQUE,
    rate integer NOT NULL DEFAULT 0,
    version integer NOT NULL DEFAULT 1,
    status text NOT NULL DEFAULT 'draft' CONSTRAINT agents_status_check CHECK (status IN ('draft', 'published', 'retired')),
    revision bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT agents_content_check CHECK (jsonb_typeof(content) = 'object')
);

-- One row per version that was ever offered. Deleting the agent takes them along, and is refused while an instance pins one.
CREATE TABLE agent_versions (
    agent_id integer NOT NULL CONSTRAINT agent_versions_agent_id_fkey REFERENCES agents (id) ON DELETE CASCADE,
    version integer NOT NULL,
    title text NOT NULL,
    content jsonb NOT NULL,
    rate integer NOT NULL,
    published_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (agent_id, version)
);

CREATE FUNCTION refuse_agent_version_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND NOT EXISTS (SELECT FROM public.agents WHERE id = OLD.agent_id) THEN
        RETURN OLD; -- the agent itself is being deleted
    END IF;
    RAISE EXCEPTION USING
        ERRCODE = 'BB005',
        MESSAGE = format('version %s of agent %s was published and cannot change', OLD.version, OLD.agent_id);
END
$$;

CREATE TRIGGER agent_versions_are_immutable BEFORE UPDATE OR DELETE ON agent_versions
FOR EACH ROW EXECUTE FUNCTION refuse_agent_version_change();

-- Keeps revision, version and updated_at true. An edit of a version that was offered before makes the next version.
CREATE FUNCTION guard_agent_update() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.id <> OLD.id OR NEW.created_at <> OLD.created_at THEN
        RAISE EXCEPTION USING ERRCODE = 'BB003', MESSAGE = format('id and created_at of agent %s cannot change', OLD.id);
    END IF;
    IF NEW.status <> OLD.status AND NEW.status = 'draft' THEN
        RAISE EXCEPTION USING
            ERRCODE = 'BB001', MESSAGE = format('agent %s cannot go from %s to draft', OLD.id, OLD.status);
    END IF;

    NEW.version := OLD.version;
    IF (NEW.title, NEW.rate, NEW.content) IS DISTINCT FROM (OLD.title, OLD.rate, OLD.content)
        AND EXISTS (SELECT FROM public.agent_versions WHERE agent_id = OLD.id AND version = OLD.version)
    THEN
        NEW.version := OLD.version + 1;
    END IF;

    NEW.revision := OLD.revision;
    NEW.updated_at := OLD.updated_at;
    IF (NEW.status, NEW.title, NEW.rate, NEW.activation_code, NEW.content)
        IS DISTINCT FROM (OLD.status, OLD.title, OLD.rate, OLD.activation_code, OLD.content)
    THEN
        NEW.revision := OLD.revision + 1;
        NEW.updated_at := clock_timestamp();
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER agents_guard_update BEFORE UPDATE ON agents FOR EACH ROW EXECUTE FUNCTION guard_agent_update();

CREATE FUNCTION keep_agent_version() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.agent_versions (agent_id, version, title, content, rate)
    VALUES (NEW.id, NEW.version, NEW.title, NEW.content, NEW.rate)
    ON CONFLICT (agent_id, version) DO NOTHING;
    RETURN NULL;
END
$$;

CREATE TRIGGER agents_keep_version AFTER INSERT OR UPDATE ON agents
FOR EACH ROW WHEN (NEW.status = 'published') EXECUTE FUNCTION keep_agent_version();

GRANT SELECT, INSERT, UPDATE, DELETE ON agents TO botberi;
GRANT USAGE ON SEQUENCE agents_id_seq TO botberi;
GRANT SELECT, INSERT ON agent_versions TO botberi;
