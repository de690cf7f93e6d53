-- Why: what belongs to a team is reached by its members, by their role in it, and by nobody else: also whoever made it reaches
-- nothing of it after leaving. Statements on instances and events ask this projection of the teams in `user_psql` themselves.
SET LOCAL lock_timeout = '5s';

-- A state of a team replaces an earlier one as a whole, and never a later one. A deleted team stays for a while, with no
-- members, so that nothing that was read before brings it back.
CREATE TABLE teams (
    id uuid PRIMARY KEY,
    revision bigint NOT NULL,
    -- It takes no new things: it is deleted, or it is being found out whether it can be.
    is_closed boolean NOT NULL,
    deleted_at timestamptz
);

CREATE INDEX teams_deleted ON teams (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE team_members (
    team_id uuid NOT NULL CONSTRAINT team_members_team_id_fkey REFERENCES teams (id) ON DELETE CASCADE,
    user_id uuid NOT NULL,
    role text NOT NULL CONSTRAINT team_members_role_check CHECK (role IN ('owner', 'developer', 'viewer')),
    PRIMARY KEY (team_id, user_id)
);

CREATE INDEX team_members_of_user ON team_members (user_id, team_id);

-- A list is read from either, newest first.
CREATE INDEX instances_own ON instances (user_id, id DESC) WHERE deleted_at IS NULL AND team_id IS NULL;
CREATE INDEX instances_of_team ON instances (team_id, id DESC) WHERE deleted_at IS NULL AND team_id IS NOT NULL;
DROP INDEX instances_of_user;

-- What a socket resumes with.
CREATE INDEX event_outbox_own ON event_outbox (user_id, position)
    WHERE position IS NOT NULL AND user_id IS NOT NULL AND team_id IS NULL;
CREATE INDEX event_outbox_of_team ON event_outbox (team_id, position) WHERE position IS NOT NULL AND team_id IS NOT NULL;
DROP INDEX event_outbox_of_user;

-- The bus routes by what stands in the message: what belongs to a team says so, also where that is told of a part of it.
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
        json_build_object(
            'knowledge_base_id', base.id, 'instance_id', base.instance_id, 'user_id', owner.user_id, 'team_id', owner.team_id
        )
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

CREATE OR REPLACE FUNCTION record_knowledge_base_entry_change() RETURNS trigger
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
            'user_id', owner.user_id, 'team_id', owner.team_id, 'data_type', entry.data_type, 'lang_hint', entry.lang_hint,
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

GRANT SELECT, INSERT, UPDATE, DELETE ON teams, team_members TO botberi;
