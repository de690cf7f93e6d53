-- Why: a sign-in becomes a row of its own. Whoever spends or revokes a refresh token locks that row first, so that no token
-- can be born of a family that is being ended; and it says durably, for every replica, that a session is over.
SET LOCAL lock_timeout = '5s';

-- The release before this one goes on signing people in: none of its tokens may come between the rows and the trigger.
LOCK TABLE refresh_tokens IN SHARE ROW EXCLUSIVE MODE;

CREATE TABLE sessions (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL CONSTRAINT sessions_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- When the last refresh token of it dies: from then on the row is only kept for those who look back.
    expires_at timestamptz NOT NULL,
    -- When the last access token of it dies: until then a revocation has to be known to every replica.
    access_until timestamptz NOT NULL,
    revoked_at timestamptz,
    -- The transaction that revoked it. A reader that has seen all transactions before some number asks for those from it on
    -- and misses none, in whatever order they commit.
    revoked_in bigint
);

CREATE INDEX sessions_of_user ON sessions (user_id, expires_at) WHERE revoked_at IS NULL;
CREATE INDEX sessions_by_expiry ON sessions (expires_at);
CREATE INDEX sessions_by_revocation ON sessions (revoked_in) WHERE revoked_in IS NOT NULL;
-- For who begins to listen: those that still matter, out of all that are kept.
CREATE INDEX sessions_revoked_by_end ON sessions (access_until) WHERE revoked_in IS NOT NULL;

-- The longest life that an access token can be configured to have is a day. A family ends as a whole.
INSERT INTO sessions (id, user_id, created_at, expires_at, access_until, revoked_at, revoked_in)
SELECT
    family_id, user_id, min(created_at), max(expires_at), max(created_at) + interval '1 day', max(revoked_at),
    CASE WHEN max(revoked_at) IS NOT NULL THEN pg_current_xact_id()::text::bigint END
FROM refresh_tokens
GROUP BY family_id, user_id;

-- The release before this one knows no sessions: its sign-ins get theirs here.
CREATE FUNCTION ensure_session() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.sessions (id, user_id, expires_at, access_until)
    VALUES (NEW.family_id, NEW.user_id, NEW.expires_at, clock_timestamp() + interval '1 day')
    ON CONFLICT (id) DO NOTHING;
    RETURN NEW;
END
$$;

CREATE TRIGGER refresh_tokens_ensure_session BEFORE INSERT ON refresh_tokens
FOR EACH ROW EXECUTE FUNCTION ensure_session();

ALTER TABLE refresh_tokens
    ADD CONSTRAINT refresh_tokens_family_id_fkey FOREIGN KEY (family_id) REFERENCES sessions (id) ON DELETE CASCADE;

-- A ticket is for the session that asked for it, and lives no longer. Null in rows of the release before this one, which are
-- half a minute old at most: they open nothing.
ALTER TABLE ws_tickets
    ADD COLUMN session_id uuid,
    ADD COLUMN token_id uuid,
    ADD COLUMN session_expires_at timestamptz;

GRANT SELECT, INSERT, UPDATE, DELETE ON sessions TO botberi;
