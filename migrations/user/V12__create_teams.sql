-- Why: teams and their members. The truth is here, beside the people. `shared_psql` has a projection of it, for the statements
-- that decide who reaches what; `revision` says which of two states is the later one, and `projected_revision` how far the
-- projection is known to be.
SET LOCAL lock_timeout = '5s';

CREATE TABLE teams (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    -- Grows with each change of the team or of its members.
    revision bigint NOT NULL DEFAULT 1,
    projected_revision bigint NOT NULL DEFAULT 0,
    -- Somebody wants it deleted, and it is being found out whether anything still belongs to it. Nothing new can meanwhile.
    closing_at timestamptz,
    -- Who wants it, as the audit log takes it: whoever brings the deletion to its end may be somebody else.
    closing_origin jsonb,
    -- It is gone. The row stays until the projection knows of it.
    deleted_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- What the projection does not know yet, and deletions that nobody has brought to an end; both empty most of the time.
CREATE INDEX teams_unprojected ON teams (id) WHERE revision > projected_revision;
CREATE INDEX teams_closing ON teams (closing_at) WHERE closing_at IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX teams_deleted ON teams (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE team_members (
    team_id uuid NOT NULL CONSTRAINT team_members_team_id_fkey REFERENCES teams (id),
    user_id uuid NOT NULL CONSTRAINT team_members_user_id_fkey REFERENCES users (id),
    role text NOT NULL CONSTRAINT team_members_role_check CHECK (role IN ('owner', 'developer', 'viewer')),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (team_id, user_id)
);

CREATE INDEX team_members_of_user ON team_members (user_id, team_id);

CREATE FUNCTION guard_team_update() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.deleted_at IS NOT NULL AND NEW.deleted_at IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'BB002', MESSAGE = format('team %s is deleted and stays so', OLD.id);
    END IF;
    IF NEW.revision < OLD.revision OR NEW.projected_revision < OLD.projected_revision THEN
        RAISE EXCEPTION USING ERRCODE = 'BB003', MESSAGE = format('the revisions of team %s only grow', OLD.id);
    END IF;
    IF NEW.name <> OLD.name
        OR NEW.closing_at IS DISTINCT FROM OLD.closing_at
        OR NEW.deleted_at IS DISTINCT FROM OLD.deleted_at
    THEN
        NEW.revision := OLD.revision + 1;
    END IF;
    IF NEW.revision > OLD.revision THEN
        NEW.updated_at := clock_timestamp();
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER teams_guard_update BEFORE UPDATE ON teams FOR EACH ROW EXECUTE FUNCTION guard_team_update();

-- The team's row is locked by the first statement: of two who change one team's members, the second sees what the first did.
-- The event carries the revision, so that whoever hears of it knows whether it is news. Whoever is in less from now on has
-- their sockets closed on every replica, and keys of a team end with the
-- membership.
CREATE FUNCTION record_team_member_change() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    member public.team_members;
    new_revision bigint;
BEGIN
    IF TG_OP = 'DELETE' THEN member := OLD; ELSE member := NEW; END IF;
    UPDATE public.teams SET revision = revision + 1 WHERE id = member.team_id RETURNING revision INTO new_revision;

    IF TG_OP <> 'INSERT' AND OLD.role = 'owner' AND (TG_OP = 'DELETE' OR NEW.role <> 'owner')
        AND NOT EXISTS (SELECT FROM public.team_members WHERE team_id = member.team_id AND role = 'owner')
        AND EXISTS (SELECT FROM public.teams WHERE id = member.team_id AND deleted_at IS NULL)
    THEN
        RAISE EXCEPTION USING
            ERRCODE = 'BB012', MESSAGE = format('%s is the last owner of team %s', member.user_id, member.team_id);
    END IF;

    INSERT INTO public.event_outbox (routing_key, aggregate_id, user_id, body, request_id, traceparent)
    VALUES (
        CASE TG_OP WHEN 'INSERT' THEN 'team.member.added' WHEN 'UPDATE' THEN 'team.member.updated' ELSE 'team.member.removed' END,
        member.team_id::text, member.user_id,
        json_build_object(
            'team_id', member.team_id, 'user_id', member.user_id, 'role', member.role, 'revision', new_revision
        ),
        public.present_request_id(), public.present_traceparent()
    );
    IF TG_OP = 'DELETE' THEN
        UPDATE public.api_keys SET revoked_at = clock_timestamp()
        WHERE user_id = member.user_id AND team_id = member.team_id AND revoked_at IS NULL;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO public.credential_changes (kind, user_id, team_id) VALUES ('member', member.user_id, member.team_id);
    END IF;
    -- Wakes whoever hands events on; for less, the change of the credential does.
    IF TG_OP = 'INSERT' THEN PERFORM pg_notify('sessions_revoked', ''); END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER team_members_record_presence AFTER INSERT OR DELETE ON team_members
FOR EACH ROW EXECUTE FUNCTION record_team_member_change();
CREATE TRIGGER team_members_record_role AFTER UPDATE ON team_members
FOR EACH ROW WHEN (OLD.role <> NEW.role) EXECUTE FUNCTION record_team_member_change();

CREATE FUNCTION guard_team_member_update() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'BB003', MESSAGE = 'team_id and user_id of a membership cannot change';
END
$$;

CREATE TRIGGER team_members_guard_update BEFORE UPDATE ON team_members
FOR EACH ROW WHEN (OLD.team_id <> NEW.team_id OR OLD.user_id <> NEW.user_id) EXECUTE FUNCTION guard_team_member_update();

-- Whoever closes an account is a member of nothing. The last owner of a team cannot: a team that nobody governs would keep its
-- members and their things for ever. Teams are locked before their members, as everywhere.
CREATE FUNCTION leave_teams() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM public.teams t
    WHERE t.id IN (SELECT team_id FROM public.team_members WHERE user_id = NEW.id)
    ORDER BY t.id
    FOR NO KEY UPDATE;
    DELETE FROM public.team_members WHERE user_id = NEW.id;
    RETURN NULL;
END
$$;

-- Before their keys end, by its name: whoever takes a member out locks the team first, too.
CREATE TRIGGER users_b_leave_teams AFTER UPDATE ON users
FOR EACH ROW WHEN (OLD.closed_at IS NULL AND NEW.closed_at IS NOT NULL) EXECUTE FUNCTION leave_teams();

CREATE TRIGGER teams_z_audit_plain_sql AFTER INSERT OR UPDATE OR DELETE ON teams
FOR EACH ROW WHEN (NOT writer_is_service() AND pg_trigger_depth() = 0) EXECUTE FUNCTION audit_plain_sql('team', 'id');
CREATE TRIGGER team_members_z_audit_plain_sql AFTER INSERT OR UPDATE OR DELETE ON team_members
FOR EACH ROW WHEN (NOT writer_is_service() AND pg_trigger_depth() = 0) EXECUTE FUNCTION audit_plain_sql('team_member', 'user_id');

GRANT SELECT, INSERT, UPDATE, DELETE ON teams, team_members TO botberi;
GRANT EXECUTE ON FUNCTION guard_team_update(), record_team_member_change(), guard_team_member_update(), leave_teams() TO botberi;
