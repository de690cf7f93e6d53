-- Why: programs come with API keys. A key is kept as a digest under a secret that this database does not know, so whoever reads or
-- writes this table can neither use a key nor make one that is good. A key that is withdrawn, or whose holder may do less, is heard
-- of by every replica as an ended session is.
SET LOCAL lock_timeout = '5s';

CREATE TABLE api_keys (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL CONSTRAINT api_keys_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    -- It reaches what belongs to this team, and nothing else; null: what its user reaches.
    team_id uuid,
    name text NOT NULL CONSTRAINT api_keys_name_check CHECK (length(name) BETWEEN 1 AND 200),
    -- The beginning of the key, by which its holder knows it again.
    prefix text NOT NULL,
    key_hash bytea NOT NULL CONSTRAINT api_keys_key_hash_key UNIQUE CHECK (length(key_hash) = 32),
    -- What it was made for; what no permission of a release is called permits nothing there.
    permissions text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz,
    -- To some seconds.
    last_used_at timestamptz,
    revoked_at timestamptz,
    -- The key that it was replaced by; it is good for a while beside it.
    replaced_by uuid
);

CREATE INDEX api_keys_of_user ON api_keys (user_id, id);
CREATE INDEX api_keys_ended ON api_keys (least(revoked_at, expires_at)) WHERE least(revoked_at, expires_at) IS NOT NULL;
CREATE INDEX api_keys_of_team ON api_keys (team_id) WHERE team_id IS NOT NULL;

-- Whatever a replica remembers of a key or a member may be wrong from the transaction on that wrote a row here. Rows live for as
-- long as a replica may have been cut off and still have sockets open.
CREATE TABLE credential_changes (
    id bigint GENERATED ALWAYS AS IDENTITY (CACHE 1) PRIMARY KEY,
    kind text NOT NULL CONSTRAINT credential_changes_kind_check CHECK (kind IN ('api_key', 'member')),
    api_key_id uuid,
    user_id uuid NOT NULL,
    team_id uuid,
    -- A reader that has seen all transactions before some number asks for those from it on, as with ended sessions.
    changed_in bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT credential_changes_subject_check CHECK ((kind = 'api_key') = (api_key_id IS NOT NULL))
);

CREATE INDEX credential_changes_by_transaction ON credential_changes (changed_in);
CREATE INDEX credential_changes_by_age ON credential_changes (changed_at);

-- The channel of ended sessions: the same connection listens to both.
CREATE FUNCTION ring_for_credentials() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('sessions_revoked', '');
    RETURN NULL;
END
$$;

CREATE TRIGGER credential_changes_ring AFTER INSERT ON credential_changes
FOR EACH STATEMENT EXECUTE FUNCTION ring_for_credentials();

CREATE FUNCTION record_api_key_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS DISTINCT FROM OLD.revoked_at THEN
        RAISE EXCEPTION USING ERRCODE = 'BB008', MESSAGE = format('API key %s is revoked and stays so', OLD.id);
    END IF;
    INSERT INTO public.credential_changes (kind, api_key_id, user_id) VALUES ('api_key', NEW.id, NEW.user_id);
    IF OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL THEN
        INSERT INTO public.event_outbox (routing_key, aggregate_id, user_id, body, request_id, traceparent)
        VALUES (
            'auth.revoked', NEW.id::text, NEW.user_id, json_build_object('user_id', NEW.user_id, 'api_key_id', NEW.id),
            public.present_request_id(), public.present_traceparent()
        );
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER api_keys_record_change AFTER UPDATE ON api_keys
FOR EACH ROW WHEN (
    OLD.revoked_at IS DISTINCT FROM NEW.revoked_at
    OR OLD.expires_at IS DISTINCT FROM NEW.expires_at
    OR OLD.permissions <> NEW.permissions
    OR OLD.team_id IS DISTINCT FROM NEW.team_id
    OR OLD.user_id <> NEW.user_id
    OR OLD.key_hash <> NEW.key_hash
)
EXECUTE FUNCTION record_api_key_change();

-- A row that is gone tells nobody anything, and replicas remember keys for a while.
CREATE FUNCTION guard_api_key_delete() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING
        ERRCODE = 'BB009',
        MESSAGE = format('API key %s is good, or was an hour ago: set revoked_at to end it, and delete it an hour afterwards', OLD.id);
END
$$;

CREATE TRIGGER api_keys_guard_delete BEFORE DELETE ON api_keys
FOR EACH ROW WHEN (
    coalesce(least(OLD.revoked_at, OLD.expires_at), 'infinity') > clock_timestamp() - interval '1 hour'
)
EXECUTE FUNCTION guard_api_key_delete();

-- A key does what its user may do at the moment: unlike a session it outlives another role, and the time for which an account is
-- disabled. It ends with the account.
CREATE FUNCTION change_keys_of_user() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.closed_at IS NULL AND NEW.closed_at IS NOT NULL THEN
        UPDATE public.api_keys SET revoked_at = clock_timestamp() WHERE user_id = NEW.id AND revoked_at IS NULL;
    ELSE
        INSERT INTO public.credential_changes (kind, api_key_id, user_id)
        SELECT 'api_key', k.id, k.user_id FROM public.api_keys k WHERE k.user_id = NEW.id AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > clock_timestamp());
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER users_change_keys AFTER UPDATE ON users
FOR EACH ROW WHEN (
    (OLD.disabled_at IS NULL AND NEW.disabled_at IS NOT NULL)
    OR (OLD.closed_at IS NULL AND NEW.closed_at IS NOT NULL)
    OR OLD.role <> NEW.role
)
EXECUTE FUNCTION change_keys_of_user();

-- A ticket that was bought with a key.
ALTER TABLE ws_tickets ADD COLUMN api_key_id uuid;

-- As in `shared_psql`: a client that does not know whether its POST was done sends it again with the same key.
CREATE TABLE idempotency_keys (
    owner_id uuid NOT NULL,
    route text NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    answer json,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (owner_id, route, key)
);

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

GRANT SELECT, INSERT, DELETE ON api_keys TO botberi;
GRANT UPDATE (expires_at, last_used_at, revoked_at, replaced_by) ON api_keys TO botberi;
GRANT SELECT, DELETE ON credential_changes TO botberi;
GRANT INSERT (kind, api_key_id, user_id, team_id) ON credential_changes TO botberi;
GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_keys TO botberi;
GRANT EXECUTE ON FUNCTION ring_for_credentials(), record_api_key_change(), guard_api_key_delete(), change_keys_of_user() TO botberi;
