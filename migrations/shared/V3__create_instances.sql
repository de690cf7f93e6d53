-- Why: the instances, with the rules that hold for every writer: lawful moves of the status, revisions that count what a
-- user can see, and tombstones that stay. Who works on a row (owner, epoch, attempts, deadline) is kept in the row itself,
-- so that one compare-and-set covers both, but it is nobody's business outside: no revision, no event.
SET LOCAL lock_timeout = '5s';

-- Whether a worker has something to do for such a row. `InstanceStatus::needs_work` repeats it; a test compares them.
-- What failed waits for its user, not for a worker.
CREATE FUNCTION instance_needs_work(desired_state text, status text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT desired_state = 'deleted'
        OR (desired_state = 'running' AND status IN ('pending', 'provisioning', 'stopped'))
        OR (desired_state = 'stopped' AND status <> 'stopped')
$$;

CREATE TABLE instances (
    id uuid PRIMARY KEY DEFAULT uuid_v7(),
    bot_id integer NOT NULL,
    agent_version integer NOT NULL,
    user_id uuid NOT NULL,
    team_id uuid,
    title text NOT NULL,
    user_config jsonb NOT NULL DEFAULT '{}',
    pipeline_config jsonb NOT NULL DEFAULT '{}',
    status text NOT NULL DEFAULT 'pending' CONSTRAINT instances_status_check
        CHECK (status IN ('pending', 'provisioning', 'running', 'failed', 'stopped')),
    status_reason text,
    desired_state text NOT NULL DEFAULT 'running' CONSTRAINT instances_desired_state_check
        CHECK (desired_state IN ('running', 'stopped', 'deleted')),
    revision bigint NOT NULL DEFAULT 1,
    owner_replica uuid,
    owner_epoch bigint NOT NULL DEFAULT 0,
    attempts integer NOT NULL DEFAULT 0,
    deadline_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    deleted_at timestamptz,
    -- By way of the version to agents.id: one lookup per insert instead of two.
    CONSTRAINT instances_agent_version_fkey FOREIGN KEY (bot_id, agent_version) REFERENCES agent_versions (agent_id, version),
    CONSTRAINT instances_user_config_check CHECK (jsonb_typeof(user_config) = 'object'),
    CONSTRAINT instances_pipeline_config_check CHECK (jsonb_typeof(pipeline_config) = 'object'),
    CONSTRAINT instances_tombstone_check CHECK ((desired_state = 'deleted') = (deleted_at IS NOT NULL))
);

-- A user's list, newest first.
CREATE INDEX instances_of_user ON instances (user_id, id DESC) WHERE deleted_at IS NULL;
-- Deleting or retiring an agent asks who uses it.
CREATE INDEX instances_of_agent ON instances (bot_id, agent_version);
-- What a worker still has to do. Small: a row leaves it when it has what its user wants, or has failed.
CREATE INDEX instances_needing_work ON instances (id) WHERE instance_needs_work(desired_state, status);
-- Who keeps what alive: a replica's running instances must be found at once when it dies (or, NULL, was drained).
CREATE INDEX instances_running_by_owner ON instances (owner_replica) WHERE status = 'running' AND desired_state = 'running';

-- The one table of lawful moves. `InstanceStatus::next` in Rust repeats it; a test compares them.
CREATE FUNCTION instance_move_is_legal(from_status text, to_status text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE from_status
        WHEN 'pending' THEN to_status IN ('provisioning', 'failed', 'stopped')
        WHEN 'provisioning' THEN to_status IN ('running', 'failed', 'stopped')
        WHEN 'running' THEN to_status IN ('provisioning', 'failed', 'stopped')
        WHEN 'failed' THEN to_status IN ('pending', 'stopped')
        WHEN 'stopped' THEN to_status IN ('pending')
        ELSE false
    END
$$;

-- A writer by plain SQL need not know about versions: the agent's present one is meant.
CREATE FUNCTION pin_agent_version() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    SELECT version INTO NEW.agent_version FROM public.agents WHERE id = NEW.bot_id;
    RETURN NEW;
END
$$;

CREATE TRIGGER instances_pin_agent_version BEFORE INSERT ON instances
FOR EACH ROW WHEN (NEW.agent_version IS NULL) EXECUTE FUNCTION pin_agent_version();

CREATE FUNCTION guard_instance_update() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.id <> OLD.id OR NEW.user_id <> OLD.user_id OR NEW.created_at <> OLD.created_at THEN
        RAISE EXCEPTION USING
            ERRCODE = 'BB003', MESSAGE = format('id, user_id and created_at of instance %s cannot change', OLD.id);
    END IF;

    IF NEW.status <> OLD.status AND NOT public.instance_move_is_legal(OLD.status, NEW.status) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'BB001',
            MESSAGE = format('instance %s cannot go from %s to %s', OLD.id, OLD.status, NEW.status);
    END IF;

    NEW.revision := OLD.revision;
    NEW.updated_at := OLD.updated_at;

    IF OLD.deleted_at IS NOT NULL THEN
        IF NEW.deleted_at IS DISTINCT FROM OLD.deleted_at OR NEW.desired_state <> OLD.desired_state THEN
            RAISE EXCEPTION USING ERRCODE = 'BB002', MESSAGE = format('instance %s is deleted and stays so', OLD.id);
        END IF;
        RETURN NEW; -- nobody is told what happens behind a tombstone
    END IF;

    -- Either half of a tombstone brings the other.
    IF NEW.deleted_at IS NOT NULL THEN
        NEW.desired_state := 'deleted';
    ELSIF NEW.desired_state = 'deleted' THEN
        NEW.deleted_at := clock_timestamp();
    END IF;

    -- The cheap comparisons come first; the documents are compared only when all else is equal.
    IF NEW.status <> OLD.status
        OR NEW.desired_state <> OLD.desired_state
        OR NEW.status_reason IS DISTINCT FROM OLD.status_reason
        OR NEW.title <> OLD.title
        OR NEW.team_id IS DISTINCT FROM OLD.team_id
        OR NEW.bot_id <> OLD.bot_id
        OR NEW.agent_version <> OLD.agent_version
        OR NEW.user_config <> OLD.user_config
        OR NEW.pipeline_config <> OLD.pipeline_config
    THEN
        NEW.revision := OLD.revision + 1;
        NEW.updated_at := clock_timestamp();
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER instances_guard_update BEFORE UPDATE ON instances FOR EACH ROW EXECUTE FUNCTION guard_instance_update();

GRANT SELECT, INSERT, UPDATE, DELETE ON instances TO botberi;
GRANT EXECUTE ON FUNCTION instance_move_is_legal(text, text), instance_needs_work(text, text) TO botberi;
