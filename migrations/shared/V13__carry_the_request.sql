-- Why: an event says which request it followed from (contract, section 7: `request_id` and `traceparent` of a message). The
-- row keeps the request that it last followed from, and the recording triggers copy it: so the moves that a worker makes
-- later carry the trace of the request that caused them, whatever process dies in between. Both columns are like those of
-- ownership: to change them is no revision and no event. NULL: it followed from no request.
SET LOCAL lock_timeout = '5s';

ALTER TABLE instances ADD COLUMN request_id text, ADD COLUMN traceparent text;
ALTER TABLE agents ADD COLUMN request_id text, ADD COLUMN traceparent text;
ALTER TABLE event_outbox ADD COLUMN request_id text, ADD COLUMN traceparent text;

CREATE OR REPLACE FUNCTION guard_instance_update() RETURNS trigger
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

        -- The platform is quiet and names the request, or leaves the one before in its place. What anybody else writes,
        -- and what follows from that, is not that request's doing.
        IF (NEW.request_id IS NOT NULL OR NEW.traceparent IS NOT NULL) AND NOT public.bell_is_quiet()
            AND NEW.request_id IS NOT DISTINCT FROM OLD.request_id
            AND NEW.traceparent IS NOT DISTINCT FROM OLD.traceparent
        THEN
            NEW.request_id := NULL;
            NEW.traceparent := NULL;
        END IF;
    ELSE
        -- A wish that changes nothing has caused nothing: what comes later still follows from the one before.
        NEW.request_id := OLD.request_id;
        NEW.traceparent := OLD.traceparent;
    END IF;
    RETURN NEW;
END
$$;

CREATE OR REPLACE FUNCTION record_instance_insert() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    recorded bigint;
BEGIN
    IF NEW.status <> 'pending' OR NEW.revision <> 1 OR NEW.deleted_at IS NOT NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'BB004',
            MESSAGE = format(
                'instance %s must begin as pending with revision 1, not as %s with %s', NEW.id, NEW.status, NEW.revision
            );
    END IF;

    INSERT INTO public.event_outbox
        (routing_key, table_name, event_type, aggregate_id, revision, user_id, team_id, occurred_at, request_id,
         traceparent, body)
    VALUES (
        'instance.created', 'instances', 'insert', NEW.id::text, NEW.revision, NEW.user_id, NEW.team_id, NEW.created_at,
        NEW.request_id, NEW.traceparent,
        json_build_object(
            'instance_id', NEW.id, 'agent_id', NEW.bot_id, 'user_id', NEW.user_id, 'team_id', NEW.team_id,
            'config', json_build_object('user_config', NEW.user_config, 'pipeline_config', NEW.pipeline_config),
            'created_at', public.utc_text(NEW.created_at), 'status', NEW.status, 'revision', NEW.revision
        )
    )
    RETURNING id INTO recorded;

    IF NOT public.bell_is_quiet() THEN
        PERFORM public.ring_bell(
            'insert', 'instances', json_build_object('id', NEW.id), public.instance_row_data(NEW), recorded
        );
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION record_instance_update() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    recorded bigint;
BEGIN
    IF NEW.deleted_at IS NOT NULL THEN
        -- The guard lets a revision grow behind a tombstone once: when it is set.
        INSERT INTO public.event_outbox
            (routing_key, table_name, event_type, aggregate_id, revision, user_id, team_id, occurred_at, request_id,
             traceparent, body)
        VALUES (
            'instance.deleted', 'instances', 'delete', NEW.id::text, NEW.revision, NEW.user_id, NEW.team_id,
            NEW.updated_at,
            NEW.request_id, NEW.traceparent,
            json_build_object(
                'instance_id', NEW.id, 'agent_id', NEW.bot_id, 'user_id', NEW.user_id, 'team_id', NEW.team_id,
                'deleted_at', public.utc_text(NEW.deleted_at), 'revision', NEW.revision
            )
        )
        RETURNING id INTO recorded;
    ELSE
        INSERT INTO public.event_outbox
            (routing_key, table_name, event_type, aggregate_id, revision, user_id, team_id, occurred_at, request_id,
             traceparent, body)
        VALUES (
            'instance.updated', 'instances', 'update', NEW.id::text, NEW.revision, NEW.user_id, NEW.team_id,
            NEW.updated_at,
            NEW.request_id, NEW.traceparent,
            json_build_object(
                'instance_id', NEW.id, 'agent_id', NEW.bot_id, 'user_id', NEW.user_id, 'team_id', NEW.team_id,
                'status', NEW.status, 'status_reason', NEW.status_reason,
                'metadata', json_build_object(
                    'owner_epoch', NEW.owner_epoch, 'desired_state', NEW.desired_state, 'attempts', NEW.attempts,
                    'agent_version', NEW.agent_version, 'title', NEW.title
                ),
                'updated_at', public.utc_text(NEW.updated_at), 'revision', NEW.revision
            )
        )
        RETURNING id INTO recorded;
    END IF;

    IF NOT public.bell_is_quiet() THEN
        PERFORM public.ring_bell(
            CASE WHEN NEW.deleted_at IS NULL THEN 'update' ELSE 'delete' END, 'instances',
            json_build_object('id', NEW.id), public.instance_row_data(NEW), recorded
        );
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION record_agent_change() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    agent public.agents;
    key text;
    agent_revision bigint;
    recorded bigint;
BEGIN
    IF TG_OP = 'DELETE' THEN
        agent := OLD;
        key := 'agent.deleted';
        agent_revision := OLD.revision + 1;
    ELSE
        agent := NEW;
        agent_revision := NEW.revision;
        key := CASE
            WHEN TG_OP = 'UPDATE' AND NEW.status = OLD.status THEN 'agent.updated'
            WHEN NEW.status = 'published' THEN 'agent.published'
            WHEN NEW.status = 'retired' THEN 'agent.retired'
            ELSE 'agent.updated'
        END;
    END IF;

    INSERT INTO public.event_outbox (routing_key, table_name, event_type, aggregate_id, revision, request_id, traceparent, body)
    VALUES (
        key, 'agents', lower(TG_OP), agent.id::text, agent_revision,
        -- By plain SQL: of no request of ours.
        CASE WHEN public.bell_is_quiet() THEN agent.request_id END,
        CASE WHEN public.bell_is_quiet() THEN agent.traceparent END,
        json_build_object(
            'agent_id', agent.id, 'name', agent.title, 'version', agent.version,
            'capabilities', coalesce(agent.content -> 'capabilities', '[]')
        )
    )
    RETURNING id INTO recorded;

    IF NOT public.bell_is_quiet() THEN
        PERFORM public.ring_bell(
            lower(TG_OP), 'agents', json_build_object('id', agent.id),
            json_build_object(
                'id', agent.id, 'title', agent.title, 'rate', agent.rate, 'version', agent.version, 'status', agent.status,
                'revision', agent_revision
            ),
            recorded
        );
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION record_knowledge_base_change() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    base public.knowledge_bases;
    owner record;
    recorded bigint;
BEGIN
    IF TG_OP = 'DELETE' THEN base := OLD; ELSE base := NEW; END IF;
    SELECT user_id, team_id, request_id, traceparent INTO owner FROM public.instances WHERE id = base.instance_id AND deleted_at IS NULL;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;

    INSERT INTO public.event_outbox
        (routing_key, table_name, event_type, aggregate_id, user_id, team_id, request_id, traceparent, body)
    VALUES (
        CASE TG_OP WHEN 'INSERT' THEN 'knowledge_base.created' ELSE 'knowledge_base.deleted' END,
        'knowledge_bases', lower(TG_OP), base.id::text, owner.user_id, owner.team_id,
        -- It is born with its instance, and so of the same request.
        CASE TG_OP WHEN 'INSERT' THEN owner.request_id END, CASE TG_OP WHEN 'INSERT' THEN owner.traceparent END,
        json_build_object('knowledge_base_id', base.id, 'instance_id', base.instance_id, 'user_id', owner.user_id)
    )
    RETURNING id INTO recorded;

    IF NOT public.bell_is_quiet() THEN
        PERFORM public.ring_bell(
            lower(TG_OP), 'knowledge_bases', json_build_object('id', base.id),
            json_build_object(
                'id', base.id, 'instance_id', base.instance_id, 'created_at', public.utc_text(base.created_at)
            ),
            recorded
        );
    END IF;
    RETURN NULL;
END
$$;

GRANT INSERT (request_id, traceparent) ON event_outbox TO botberi;
