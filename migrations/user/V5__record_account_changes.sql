-- Why: whoever ends a session or closes an account, also by plain SQL, is heard by every replica and on the bus; and a
-- session that is over stays over.
SET LOCAL lock_timeout = '5s';

-- A closed account keeps its row and its name, so that nobody else can be taken for the one who left.
ALTER TABLE users
    ADD COLUMN closed_at timestamptz,
    ADD CONSTRAINT users_closed_check CHECK (closed_at IS NULL OR disabled_at IS NOT NULL);

-- What the transaction follows from, in one setting for each half: set for it alone, by whoever works for a request. Here a
-- transaction is always one request's, so nothing has to be kept in the rows.
CREATE FUNCTION present_request_id() RETURNS text
LANGUAGE sql STABLE AS $$ SELECT nullif(current_setting('botberi.request_id', true), '') $$;
CREATE FUNCTION present_traceparent() RETURNS text
LANGUAGE sql STABLE AS $$ SELECT nullif(current_setting('botberi.traceparent', true), '') $$;

CREATE FUNCTION stamp_revocation() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.revoked_at IS NOT NULL THEN
        NEW.revoked_at := OLD.revoked_at;
        NEW.revoked_in := OLD.revoked_in;
    ELSIF NEW.revoked_at IS NOT NULL THEN
        NEW.revoked_in := pg_current_xact_id()::text::bigint;
    END IF;
    RETURN NEW;
END
$$;

-- The channel's name is repeated as a constant in src/models/store/keys.rs. A NOTIFY without a payload is one for the whole
-- transaction. It is a wake-up: what was revoked is read from the rows.
CREATE FUNCTION record_revocation() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE public.refresh_tokens SET revoked_at = NEW.revoked_at WHERE family_id = NEW.id AND revoked_at IS NULL;
    INSERT INTO public.event_outbox (routing_key, aggregate_id, user_id, body, request_id, traceparent)
    VALUES (
        'auth.revoked', NEW.id::text, NEW.user_id, json_build_object('user_id', NEW.user_id, 'session_id', NEW.id),
        public.present_request_id(), public.present_traceparent()
    );
    PERFORM pg_notify('sessions_revoked', '');
    RETURN NULL;
END
$$;

CREATE TRIGGER sessions_stamp_revocation BEFORE UPDATE ON sessions FOR EACH ROW EXECUTE FUNCTION stamp_revocation();
CREATE TRIGGER sessions_record_revocation AFTER UPDATE ON sessions
FOR EACH ROW WHEN (OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL) EXECUTE FUNCTION record_revocation();

-- Tokens carry the role, and are good without a look at the account: whoever may do less, or nothing, has to sign in again.
CREATE FUNCTION end_sessions_of_user() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE public.sessions SET revoked_at = clock_timestamp() WHERE user_id = NEW.id AND revoked_at IS NULL;
    IF OLD.closed_at IS NULL AND NEW.closed_at IS NOT NULL THEN
        INSERT INTO public.event_outbox (routing_key, aggregate_id, user_id, body, request_id, traceparent)
        VALUES (
            'user.deleted', NEW.id::text, NEW.id, json_build_object('user_id', NEW.id),
            public.present_request_id(), public.present_traceparent()
        );
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER users_end_sessions AFTER UPDATE ON users
FOR EACH ROW WHEN (
    (OLD.disabled_at IS NULL AND NEW.disabled_at IS NOT NULL)
    OR (OLD.closed_at IS NULL AND NEW.closed_at IS NOT NULL)
    OR OLD.role <> NEW.role
)
EXECUTE FUNCTION end_sessions_of_user();

-- A row that is gone tells nobody anything: so accounts are closed before they are deleted, and a session is deleted when no
-- access token of it can be taken any more, as retention does.
CREATE FUNCTION guard_user_delete() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING
        ERRCODE = 'BB006',
        MESSAGE = format('the account %s is open: close it first (set disabled_at and closed_at), so that everybody hears of it', OLD.id);
END
$$;

CREATE FUNCTION guard_session_delete() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING
        ERRCODE = 'BB007',
        MESSAGE = format(
            'session %s has access tokens until %s: set revoked_at to end it, and delete it afterwards', OLD.id, OLD.access_until
        );
END
$$;

CREATE TRIGGER users_guard_delete BEFORE DELETE ON users
FOR EACH ROW WHEN (OLD.closed_at IS NULL) EXECUTE FUNCTION guard_user_delete();
CREATE TRIGGER sessions_guard_delete BEFORE DELETE ON sessions
FOR EACH ROW WHEN (OLD.access_until > clock_timestamp()) EXECUTE FUNCTION guard_session_delete();

REVOKE DELETE ON users FROM botberi;
GRANT EXECUTE ON FUNCTION guard_user_delete(), guard_session_delete() TO botberi;
GRANT EXECUTE ON FUNCTION present_request_id(), present_traceparent() TO botberi;
GRANT EXECUTE ON FUNCTION stamp_revocation(), record_revocation(), end_sessions_of_user() TO botberi;
