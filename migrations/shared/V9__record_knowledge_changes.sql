-- Why: knowledge-base events carry the owner of the instance, and never the content of an entry. What goes away together
-- with its instance is not told one by one: `instance.deleted` said it all.
SET LOCAL lock_timeout = '5s';

CREATE FUNCTION record_knowledge_base_change() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    base public.knowledge_bases;
    owner record;
    recorded bigint;
BEGIN
    IF TG_OP = 'DELETE' THEN base := OLD; ELSE base := NEW; END IF;
    SELECT user_id, team_id INTO owner FROM public.instances WHERE id = base.instance_id AND deleted_at IS NULL;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;

    INSERT INTO public.event_outbox (routing_key, table_name, event_type, aggregate_id, user_id, team_id, body)
    VALUES (
        CASE TG_OP WHEN 'INSERT' THEN 'knowledge_base.created' ELSE 'knowledge_base.deleted' END,
        'knowledge_bases', lower(TG_OP), base.id::text, owner.user_id, owner.team_id,
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

CREATE TRIGGER knowledge_bases_record_change AFTER INSERT OR DELETE ON knowledge_bases
FOR EACH ROW EXECUTE FUNCTION record_knowledge_base_change();

CREATE FUNCTION guard_knowledge_base_entry_update() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.id <> OLD.id OR NEW.knowledge_base_id <> OLD.knowledge_base_id OR NEW.created_at <> OLD.created_at THEN
        RAISE EXCEPTION USING
            ERRCODE = 'BB003',
            MESSAGE = format('id, knowledge_base_id and created_at of entry %s cannot change', OLD.id);
    END IF;
    NEW.updated_at := CASE
        WHEN (NEW.status, NEW.status_reason, NEW.data_type, NEW.lang_hint, NEW.source_url, NEW.content)
            IS DISTINCT FROM (OLD.status, OLD.status_reason, OLD.data_type, OLD.lang_hint, OLD.source_url, OLD.content)
        -- Later than before even on a clock that stands still: the recording trigger looks at nothing else.
        THEN greatest(clock_timestamp(), OLD.updated_at + interval '1 microsecond')
        ELSE OLD.updated_at
    END;
    RETURN NEW;
END
$$;

CREATE TRIGGER knowledge_base_entries_guard_update BEFORE UPDATE ON knowledge_base_entries
FOR EACH ROW EXECUTE FUNCTION guard_knowledge_base_entry_update();

CREATE FUNCTION record_knowledge_base_entry_change() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    entry public.knowledge_base_entries;
    owner record;
    recorded bigint;
BEGIN
    IF TG_OP = 'DELETE' THEN entry := OLD; ELSE entry := NEW; END IF;
    SELECT i.id AS instance_id, i.user_id, i.team_id INTO owner
    FROM public.knowledge_bases kb JOIN public.instances i ON i.id = kb.instance_id
    WHERE kb.id = entry.knowledge_base_id AND i.deleted_at IS NULL;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;

    INSERT INTO public.event_outbox (routing_key, table_name, event_type, aggregate_id, user_id, team_id, body)
    VALUES (
        CASE TG_OP
            WHEN 'INSERT' THEN 'knowledge_base.entry.created'
            WHEN 'UPDATE' THEN 'knowledge_base.entry.updated'
            ELSE 'knowledge_base.entry.deleted'
        END,
        'knowledge_base_entries', lower(TG_OP), entry.id::text, owner.user_id, owner.team_id,
        json_build_object(
            'entry_id', entry.id, 'knowledge_base_id', entry.knowledge_base_id, 'instance_id', owner.instance_id,
            'user_id', owner.user_id, 'data_type', entry.data_type, 'lang_hint', entry.lang_hint,
            'status', entry.status, 'status_reason', entry.status_reason
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

CREATE TRIGGER knowledge_base_entries_record_insert_or_delete AFTER INSERT OR DELETE ON knowledge_base_entries
FOR EACH ROW EXECUTE FUNCTION record_knowledge_base_entry_change();
CREATE TRIGGER knowledge_base_entries_record_update AFTER UPDATE ON knowledge_base_entries
FOR EACH ROW WHEN (OLD.updated_at <> NEW.updated_at) EXECUTE FUNCTION record_knowledge_base_entry_change();
