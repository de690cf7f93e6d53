-- Why: as V20 of `user_psql`, for all that is kept here. Each database has a log and a chain of its own, and anchors the other's.
SET LOCAL lock_timeout = '5s';

CREATE TABLE audit_log (
    id uuid PRIMARY KEY DEFAULT uuid_v7(),
    occurred_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor_kind text NOT NULL CONSTRAINT audit_log_actor_kind_check
        CHECK (actor_kind IN ('user', 'api_key', 'command', 'database', 'nobody')),
    -- A user. No foreign key: the log outlives everybody.
    actor_id uuid,
    -- The account of a command, the role of a writer by plain SQL.
    actor_name text,
    -- The session or the key that was used; never a secret.
    credential_id uuid,
    -- Where the request came from.
    address text,
    action text NOT NULL,
    target_kind text NOT NULL,
    target_id text,
    team_id uuid,
    outcome text NOT NULL DEFAULT 'done' CONSTRAINT audit_log_outcome_check CHECK (outcome IN ('done', 'denied')),
    -- How often: denials of one kind are one row.
    count bigint NOT NULL DEFAULT 1,
    request_id text,
    traceparent text,
    -- Names of fields and the like, never contents. json and not jsonb: the chain is over the very text.
    detail json CONSTRAINT audit_log_detail_check CHECK (octet_length(detail::text) <= 4096),
    -- The transaction that wrote it: whoever has seen all that a snapshot shows asks for the rest and misses none, in whatever
    -- order they commit.
    written_in bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint
);

CREATE INDEX audit_log_by_transaction ON audit_log (written_in);
CREATE INDEX audit_log_of_actor ON audit_log (actor_id, id DESC) WHERE actor_id IS NOT NULL;
CREATE INDEX audit_log_of_target ON audit_log (target_id, id DESC) WHERE target_id IS NOT NULL;

-- What a sealer has chained. `hash` is over `prev_hash` and the whole row, as src/models/audit/chain.rs writes it. No foreign key:
-- whoever takes a row away by force must not be kept from it by one, and take this one along, but be found out.
CREATE TABLE audit_chain (
    seq bigint PRIMARY KEY CONSTRAINT audit_chain_seq_check CHECK (seq > 0),
    audit_id uuid NOT NULL CONSTRAINT audit_chain_audit_id_key UNIQUE,
    prev_hash bytea NOT NULL,
    hash bytea NOT NULL
);

-- Heads of the other database's chain, as they were: whoever cuts that chain's end would have to cut it here, too.
CREATE TABLE audit_anchors (
    seq bigint PRIMARY KEY,
    hash bytea NOT NULL,
    anchored_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- All that this snapshot shows is in the chain.
CREATE TABLE audit_sealing (
    singleton boolean PRIMARY KEY DEFAULT true CONSTRAINT audit_sealing_singleton_check CHECK (singleton),
    sealed pg_snapshot NOT NULL DEFAULT '1:1:'
) WITH (fillfactor = 10);
INSERT INTO audit_sealing DEFAULT VALUES;

-- Repeated in src/models/store/keys.rs; held by a transaction that seals.
CREATE FUNCTION audit_seal_key() RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT 4202010010::bigint $$;

-- For everybody, the owner and superusers included: whoever means it has to take the trigger away first.
CREATE FUNCTION refuse_audit_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'BB010', MESSAGE = format('%s only ever grows', TG_TABLE_NAME);
END
$$;

CREATE TRIGGER audit_log_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();
CREATE TRIGGER audit_chain_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_chain
FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();
CREATE TRIGGER audit_anchors_only_grow BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_anchors
FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();
-- Also where triggers are off for replication.
ALTER TABLE audit_log ENABLE ALWAYS TRIGGER audit_log_only_grows;
ALTER TABLE audit_chain ENABLE ALWAYS TRIGGER audit_chain_only_grows;
ALTER TABLE audit_anchors ENABLE ALWAYS TRIGGER audit_anchors_only_grow;

-- The way in for a statement that changes something: the same three lines everywhere. `origin` is what a change followed from,
-- as src/models/store/acting.rs writes it.
CREATE VIEW audit_entries AS
SELECT NULL::jsonb AS origin, action, target_kind, target_id, team_id, detail FROM audit_log;

CREATE FUNCTION enter_audit_entry() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.audit_log
        (actor_kind, actor_id, actor_name, credential_id, address, action, target_kind, target_id, team_id, request_id,
         traceparent, detail)
    VALUES (
        NEW.origin ->> 'actor_kind', (NEW.origin ->> 'actor_id')::uuid, NEW.origin ->> 'actor_name',
        (NEW.origin ->> 'credential_id')::uuid, NEW.origin ->> 'address', NEW.action, NEW.target_kind, NEW.target_id,
        NEW.team_id, NEW.origin ->> 'request_id', NEW.origin ->> 'traceparent', NEW.detail
    );
    RETURN NEW;
END
$$;

CREATE TRIGGER audit_entries_enter INSTEAD OF INSERT ON audit_entries FOR EACH ROW EXECUTE FUNCTION enter_audit_entry();

-- The service's own connections are quiet and name whoever acts. Quiet alone is something that anybody can say.
CREATE FUNCTION writer_is_service() RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT public.bell_is_quiet() AND session_user = 'botberi'
$$;
GRANT EXECUTE ON FUNCTION writer_is_service() TO botberi;

-- Writers by plain SQL: who they are is the role that they came as. Its arguments are what a row is and the column that names
-- it. It runs as the owner, so that whoever may change a table need not be allowed to write the log.
CREATE FUNCTION audit_plain_sql() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    before jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
    after jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
    present jsonb := coalesce(after, before);
    fields text[];
BEGIN
    IF TG_OP = 'UPDATE' THEN
        SELECT array_agg(key ORDER BY key) INTO fields FROM jsonb_each(after) WHERE value IS DISTINCT FROM before -> key;
        IF fields IS NULL THEN
            RETURN NULL;
        END IF;
    END IF;
    INSERT INTO public.audit_log (actor_kind, actor_name, address, action, target_kind, target_id, team_id, detail)
    VALUES (
        'database', session_user, host(inet_client_addr()), 'sql.' || lower(TG_OP), TG_ARGV[0], present ->> TG_ARGV[1],
        (present ->> 'team_id')::uuid, CASE WHEN fields IS NOT NULL THEN json_build_object('fields', fields) END
    );
    RETURN NULL;
END
$$;
REVOKE EXECUTE ON FUNCTION audit_plain_sql() FROM PUBLIC;

-- The platform's own connections are quiet and name whoever acts. What follows from a write by another trigger is not the writer's
-- doing, and the event log's matter.
CREATE TRIGGER agents_z_audit_plain_sql AFTER INSERT OR UPDATE OR DELETE ON agents
FOR EACH ROW WHEN (NOT writer_is_service() AND pg_trigger_depth() = 0) EXECUTE FUNCTION audit_plain_sql('agent', 'id');
CREATE TRIGGER instances_z_audit_plain_sql AFTER INSERT OR UPDATE OR DELETE ON instances
FOR EACH ROW WHEN (NOT writer_is_service() AND pg_trigger_depth() = 0) EXECUTE FUNCTION audit_plain_sql('instance', 'id');
CREATE TRIGGER knowledge_bases_z_audit_plain_sql AFTER INSERT OR UPDATE OR DELETE ON knowledge_bases
FOR EACH ROW WHEN (NOT writer_is_service() AND pg_trigger_depth() = 0) EXECUTE FUNCTION audit_plain_sql('knowledge_base', 'id');
CREATE TRIGGER knowledge_base_entries_z_audit_plain_sql AFTER INSERT OR UPDATE OR DELETE ON knowledge_base_entries
FOR EACH ROW WHEN (NOT writer_is_service() AND pg_trigger_depth() = 0) EXECUTE FUNCTION audit_plain_sql('knowledge_base_entry', 'id');
CREATE TRIGGER workflows_z_audit_plain_sql AFTER INSERT OR UPDATE OR DELETE ON workflows
FOR EACH ROW WHEN (NOT writer_is_service() AND pg_trigger_depth() = 0) EXECUTE FUNCTION audit_plain_sql('workflow', 'id');
CREATE TRIGGER agent_executions_z_audit_plain_sql AFTER INSERT OR UPDATE OR DELETE ON agent_executions
FOR EACH ROW WHEN (NOT writer_is_service() AND pg_trigger_depth() = 0) EXECUTE FUNCTION audit_plain_sql('execution', 'id');
CREATE TRIGGER usage_z_audit_plain_sql AFTER INSERT OR UPDATE OR DELETE ON usage
FOR EACH ROW WHEN (NOT writer_is_service() AND pg_trigger_depth() = 0) EXECUTE FUNCTION audit_plain_sql('quota', 'user_id');
CREATE TRIGGER dead_letters_z_audit_plain_sql AFTER INSERT OR UPDATE OR DELETE ON dead_letters
FOR EACH ROW WHEN (NOT writer_is_service() AND pg_trigger_depth() = 0) EXECUTE FUNCTION audit_plain_sql('dead_letter', 'id');
CREATE TRIGGER event_replays_z_audit_plain_sql AFTER INSERT OR UPDATE OR DELETE ON event_replays
FOR EACH ROW WHEN (NOT writer_is_service() AND pg_trigger_depth() = 0) EXECUTE FUNCTION audit_plain_sql('replay', 'id');

-- The columns are listed so that the service chooses no ids, no times and no transactions.
GRANT SELECT ON audit_log, audit_chain, audit_anchors, audit_sealing, audit_entries TO botberi;
GRANT INSERT (actor_kind, actor_id, actor_name, credential_id, address, action, target_kind, target_id, team_id, outcome, count,
    request_id, traceparent, detail) ON audit_log TO botberi;
GRANT INSERT ON audit_chain, audit_entries TO botberi;
GRANT INSERT (seq, hash) ON audit_anchors TO botberi;
GRANT UPDATE (sealed) ON audit_sealing TO botberi;
GRANT EXECUTE ON FUNCTION audit_seal_key(), enter_audit_entry(), refuse_audit_change() TO botberi;
