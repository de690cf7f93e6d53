-- Why: every replica's catalog follows the agents by events. The activation code is for administrators: it is in no event.
SET LOCAL lock_timeout = '5s';

CREATE FUNCTION record_agent_change() RETURNS trigger
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

    INSERT INTO public.event_outbox (routing_key, table_name, event_type, aggregate_id, revision, body)
    VALUES (
        key, 'agents', lower(TG_OP), agent.id::text, agent_revision,
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

CREATE TRIGGER agents_record_insert_or_delete AFTER INSERT OR DELETE ON agents
FOR EACH ROW EXECUTE FUNCTION record_agent_change();
CREATE TRIGGER agents_record_update AFTER UPDATE ON agents
FOR EACH ROW WHEN (OLD.revision <> NEW.revision) EXECUTE FUNCTION record_agent_change();
