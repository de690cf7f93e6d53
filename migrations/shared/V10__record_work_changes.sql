-- Why: workflows and executions tell how they get on. Inputs and results stay in the rows: they can be large, and whoever
-- may read them knows where they are.
SET LOCAL lock_timeout = '5s';

-- Both tables move updated_at in the same way; the recording triggers look at nothing else.
CREATE FUNCTION touch_workflow() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := CASE
        WHEN (NEW.status, NEW.started_at, NEW.finished_at, NEW.name, NEW.team_id, NEW.tasks, NEW.results)
            IS DISTINCT FROM
            (OLD.status, OLD.started_at, OLD.finished_at, OLD.name, OLD.team_id, OLD.tasks, OLD.results)
        THEN greatest(clock_timestamp(), OLD.updated_at + interval '1 microsecond')
        ELSE OLD.updated_at
    END;
    RETURN NEW;
END
$$;

CREATE FUNCTION touch_agent_execution() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := CASE
        WHEN (NEW.status, NEW.started_at, NEW.finished_at, NEW.processing_time_ms, NEW.error, NEW.team_id, NEW.metadata,
                NEW.result)
            IS DISTINCT FROM
            (OLD.status, OLD.started_at, OLD.finished_at, OLD.processing_time_ms, OLD.error, OLD.team_id, OLD.metadata,
                OLD.result)
        THEN greatest(clock_timestamp(), OLD.updated_at + interval '1 microsecond')
        ELSE OLD.updated_at
    END;
    RETURN NEW;
END
$$;

CREATE TRIGGER workflows_touch BEFORE UPDATE ON workflows FOR EACH ROW EXECUTE FUNCTION touch_workflow();
CREATE TRIGGER agent_executions_touch BEFORE UPDATE ON agent_executions
FOR EACH ROW EXECUTE FUNCTION touch_agent_execution();

CREATE FUNCTION record_workflow_change() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    workflow public.workflows;
    facts json;
    recorded bigint;
BEGIN
    IF TG_OP = 'DELETE' THEN workflow := OLD; ELSE workflow := NEW; END IF;
    facts := json_build_object(
        'workflow_id', workflow.id, 'user_id', workflow.user_id, 'team_id', workflow.team_id, 'status', workflow.status,
        'created_at', public.utc_text(workflow.created_at), 'started_at', public.utc_text(workflow.started_at),
        'finished_at', public.utc_text(workflow.finished_at)
    );

    INSERT INTO public.event_outbox (routing_key, table_name, event_type, aggregate_id, user_id, team_id, body)
    VALUES (
        CASE
            WHEN TG_OP = 'INSERT' THEN 'workflow.created'
            WHEN TG_OP = 'DELETE' THEN 'workflow.deleted'
            WHEN NEW.status = OLD.status THEN 'workflow.updated'
            WHEN NEW.status = 'running' THEN 'workflow.started'
            WHEN NEW.status IN ('completed', 'failed', 'cancelled') THEN 'workflow.finished'
            ELSE 'workflow.updated'
        END,
        'workflows', lower(TG_OP), workflow.id::text, workflow.user_id, workflow.team_id, facts
    )
    RETURNING id INTO recorded;

    IF NOT public.bell_is_quiet() THEN
        PERFORM public.ring_bell(
            lower(TG_OP), 'workflows', json_build_object('id', workflow.id),
            json_build_object(
                'id', workflow.id, 'user_id', workflow.user_id, 'team_id', workflow.team_id, 'name', workflow.name,
                'status', workflow.status, 'created_at', public.utc_text(workflow.created_at)
            ),
            recorded
        );
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION record_agent_execution_change() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    execution public.agent_executions;
    recorded bigint;
BEGIN
    IF TG_OP = 'DELETE' THEN execution := OLD; ELSE execution := NEW; END IF;

    INSERT INTO public.event_outbox (routing_key, table_name, event_type, aggregate_id, user_id, team_id, body)
    VALUES (
        CASE TG_OP
            WHEN 'INSERT' THEN 'execution.created'
            WHEN 'UPDATE' THEN 'execution.updated'
            ELSE 'execution.deleted'
        END,
        'agent_executions', lower(TG_OP), execution.id::text, execution.user_id, execution.team_id,
        json_build_object(
            'execution_id', execution.id, 'instance_id', execution.instance_id, 'workflow_id', execution.workflow_id,
            'agent_id', execution.agent_id, 'user_id', execution.user_id, 'team_id', execution.team_id,
            'status', execution.status, 'processing_time_ms', execution.processing_time_ms,
            'created_at', public.utc_text(execution.created_at), 'started_at', public.utc_text(execution.started_at),
            'finished_at', public.utc_text(execution.finished_at)
        )
    )
    RETURNING id INTO recorded;

    IF NOT public.bell_is_quiet() THEN
        PERFORM public.ring_bell(
            lower(TG_OP), 'agent_executions', json_build_object('id', execution.id),
            json_build_object(
                'id', execution.id, 'instance_id', execution.instance_id, 'workflow_id', execution.workflow_id,
                'agent_id', execution.agent_id, 'user_id', execution.user_id, 'team_id', execution.team_id,
                'status', execution.status, 'created_at', public.utc_text(execution.created_at)
            ),
            recorded
        );
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER workflows_record_insert_or_delete AFTER INSERT OR DELETE ON workflows
FOR EACH ROW EXECUTE FUNCTION record_workflow_change();
CREATE TRIGGER workflows_record_update AFTER UPDATE ON workflows
FOR EACH ROW WHEN (OLD.updated_at <> NEW.updated_at) EXECUTE FUNCTION record_workflow_change();

CREATE TRIGGER agent_executions_record_insert_or_delete AFTER INSERT OR DELETE ON agent_executions
FOR EACH ROW EXECUTE FUNCTION record_agent_execution_change();
CREATE TRIGGER agent_executions_record_update AFTER UPDATE ON agent_executions
FOR EACH ROW WHEN (OLD.updated_at <> NEW.updated_at) EXECUTE FUNCTION record_agent_execution_change();
