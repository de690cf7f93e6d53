-- Why: what a person holds between requests. Tokens and tickets are kept as digests only: whoever reads this table
-- cannot sign in with it.
SET LOCAL lock_timeout = '5s';

-- A family is one sign-in; a refresh spends one token and makes the next. A spent token that comes again ends the family.
CREATE TABLE refresh_tokens (
    id uuid PRIMARY KEY,
    family_id uuid NOT NULL,
    user_id uuid NOT NULL CONSTRAINT refresh_tokens_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    token_hash bytea NOT NULL CONSTRAINT refresh_tokens_token_hash_key UNIQUE,
    expires_at timestamptz NOT NULL,
    spent_at timestamptz,
    revoked_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE INDEX refresh_tokens_of_family ON refresh_tokens (family_id);
CREATE INDEX refresh_tokens_of_user ON refresh_tokens (user_id);
CREATE INDEX refresh_tokens_by_expiry ON refresh_tokens (expires_at);

-- Used while Redis is away. UNLOGGED: a crash of the server may lose tickets that live for half a minute anyway.
CREATE UNLOGGED TABLE ws_tickets (
    ticket_hash bytea PRIMARY KEY,
    user_id uuid NOT NULL CONSTRAINT ws_tickets_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    expires_at timestamptz NOT NULL
);

CREATE INDEX ws_tickets_by_expiry ON ws_tickets (expires_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON refresh_tokens, ws_tickets TO botberi;
