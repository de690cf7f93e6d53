-- Why: each change of an instance that a user could see is one event, in the order of its revisions. These three functions
-- run for every write of the busiest table: one insert each, no dynamic SQL, and nothing else while the bell is quiet.
SET LOCAL lock_timeout = '5s';

CREATE FUNCTION instance_row_data(instance instances) RETURNS json
LANGUAGE sql STABLE AS $$
    SELECT json_build_object(
        'id', instance.id, 'bot_id', instance.bot_id, 'agent_version', instance.agent_version,
        'user_id', instance.user_id, 'team_id', instance.team_id, 'title', instance.title,
        'user_config', instance.user_config, 'pipeline_config', instance.pipeline_config,
        'status', instance.status, 'status_reason', instance.status_reason, 'desired_state', instance.desired_state,
        'revision', instance.revision, 'created_at', public.utc_text(instance.created_at),
        'updated_at', public.utc_text(instance.updated_at), 'deleted_at', public.utc_text(instance.deleted_at)
    )
$$;

CREATE FUNCTION record_instance_insert() RETURNS trigger
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
        (routing_key, table_name, event_type, aggregate_id, revision, user_id, team_id, occurred_at, body)
    VALUES (
        'instance.created', 'instances', 'insert', NEW.id::text, NEW.revision, NEW.user_id, NEW.team_id, NEW.created_at,
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

CREATE FUNCTION record_instance_update() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    recorded bigint;
BEGIN
    IF NEW.deleted_at IS NOT NULL THEN
        -- The guard lets a revision grow behind a tombstone once: when it is set.
        INSERT INTO public.event_outbox
            (routing_key, table_name, event_type, aggregate_id, revision, user_id, team_id, occurred_at, body)
        VALUES (
            'instance.deleted', 'instances', 'delete', NEW.id::text, NEW.revision, NEW.user_id, NEW.team_id,
            NEW.updated_at,
            json_build_object(
                'instance_id', NEW.id, 'agent_id', NEW.bot_id, 'user_id', NEW.user_id, 'team_id', NEW.team_id,
                'deleted_at', public.utc_text(NEW.deleted_at), 'revision', NEW.revision
            )
        )
        RETURNING id INTO recorded;
    ELSE
        INSERT INTO public.event_outbox
            (routing_key, table_name, event_type, aggregate_id, revision, user_id, team_id, occurred_at, body)
        VALUES (
            'instance.updated', 'instances', 'update', NEW.id::text, NEW.revision, NEW.user_id, NEW.team_id,
            NEW.updated_at,
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

-- For a plain DELETE of a living row. The purge of a tombstone tells nobody: they know.
CREATE FUNCTION record_instance_delete() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    moment timestamptz := clock_timestamp();
    recorded bigint;
BEGIN
    INSERT INTO public.event_outbox
        (routing_key, table_name, event_type, aggregate_id, revision, user_id, team_id, occurred_at, body)
    VALUES (
        'instance.deleted', 'instances', 'delete', OLD.id::text, OLD.revision + 1, OLD.user_id, OLD.team_id, moment,
        json_build_object(
            'instance_id', OLD.id, 'agent_id', OLD.bot_id, 'user_id', OLD.user_id, 'team_id', OLD.team_id,
            'deleted_at', public.utc_text(moment), 'revision', OLD.revision + 1
        )
    )
    RETURNING id INTO recorded;

    IF NOT public.bell_is_quiet() THEN
        PERFORM public.ring_bell(
            'delete', 'instances', json_build_object('id', OLD.id), public.instance_row_data(OLD), recorded
        );
    END IF;
    RETURN NULL;
END
$$;

-- The `a` makes it fire before the trigger that gives the instance its knowledge base.
CREATE TRIGGER instances_a_record_insert AFTER INSERT ON instances
FOR EACH ROW EXECUTE FUNCTION record_instance_insert();
CREATE TRIGGER instances_record_update AFTER UPDATE ON instances
FOR EACH ROW WHEN (OLD.revision <> NEW.revision) EXECUTE FUNCTION record_instance_update();
CREATE TRIGGER instances_record_delete AFTER DELETE ON instances
FOR EACH ROW WHEN (OLD.deleted_at IS NULL) EXECUTE FUNCTION record_instance_delete();
