-- Why: whoever has lost a password gets another by a token that an administrator hands over. It is kept as a digest only: whoever
-- reads this table can reset nothing.
SET LOCAL lock_timeout = '5s';

CREATE TABLE password_resets (
    token_hash bytea PRIMARY KEY,
    user_id uuid NOT NULL CONSTRAINT password_resets_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    -- The administrator; no foreign key: it says who it was, not who is there.
    issued_by uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    spent_at timestamptz
);

-- One at a time for each user.
CREATE UNIQUE INDEX password_resets_open ON password_resets (user_id) WHERE spent_at IS NULL;
CREATE INDEX password_resets_by_expiry ON password_resets (expires_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON password_resets TO botberi;
