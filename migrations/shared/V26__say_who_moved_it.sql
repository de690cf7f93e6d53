-- Why: the history of an instance says who did what: teammates and administrators act on one instance, and workers move it. The
-- statement that changes a row says who it is in `acting`, which is empty again when the row is written: a statement that does not
-- say it, as those of an earlier release, leaves nobody there, and not the one before. Neither column is of a revision.
--
-- `user:ID`, `api_key:ID` (of whose key it is), `administrator`, `command`, `database` (plain SQL), `worker`. NULL: it is not known.
SET LOCAL lock_timeout = '5s';

ALTER TABLE instances ADD COLUMN acting text, ADD COLUMN acted_by text;
ALTER TABLE event_outbox ADD COLUMN acted_by text;

-- No more than others may see: neither where somebody came from nor with which credential, and no name of an account.
CREATE FUNCTION event_actor(kind text, id uuid) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN kind IN ('user', 'api_key') THEN kind || ':' || id WHEN kind IN ('command', 'database') THEN kind END
$$;
GRANT EXECUTE ON FUNCTION event_actor(text, uuid) TO botberi;

CREATE OR REPLACE FUNCTION guard_instance_update() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    acting text := NEW.acting;
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
    -- Said for this one change; whoever does not say it, is not taken for the one before.
    NEW.acting := NULL;
    NEW.acted_by := OLD.acted_by;

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
        NEW.acted_by := CASE WHEN public.writer_is_service() THEN acting ELSE 'database' END;

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
         traceparent, acted_by, body)
    VALUES (
        'instance.created', 'instances', 'insert', NEW.id::text, NEW.revision, NEW.user_id, NEW.team_id, NEW.created_at,
        NEW.request_id, NEW.traceparent, CASE WHEN public.writer_is_service() THEN NEW.acted_by ELSE 'database' END,
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
             traceparent, acted_by, body)
        VALUES (
            'instance.deleted', 'instances', 'delete', NEW.id::text, NEW.revision, NEW.user_id, NEW.team_id,
            NEW.updated_at,
            NEW.request_id, NEW.traceparent, NEW.acted_by,
            json_build_object(
                'instance_id', NEW.id, 'agent_id', NEW.bot_id, 'user_id', NEW.user_id, 'team_id', NEW.team_id,
                'deleted_at', public.utc_text(NEW.deleted_at), 'revision', NEW.revision
            )
        )
        RETURNING id INTO recorded;
    ELSE
        INSERT INTO public.event_outbox
            (routing_key, table_name, event_type, aggregate_id, revision, user_id, team_id, occurred_at, request_id,
             traceparent, acted_by, body)
        VALUES (
            'instance.updated', 'instances', 'update', NEW.id::text, NEW.revision, NEW.user_id, NEW.team_id,
            NEW.updated_at,
            NEW.request_id, NEW.traceparent, NEW.acted_by,
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

GRANT INSERT (acted_by) ON event_outbox TO botberi;
