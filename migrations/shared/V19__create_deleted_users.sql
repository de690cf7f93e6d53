-- Why: whoever closes an account has their things taken away. The wish to do so arrives with the event, in its transaction, and
-- is carried out afterwards in small batches: a hundred thousand instances are no single transaction.
SET LOCAL lock_timeout = '5s';

CREATE TABLE deleted_users (
    user_id uuid PRIMARY KEY,
    arrived_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- When their things are looked for next; null once nothing more can come. A request that was under way when the account was
    -- closed may still make something, so there is a second look when its token is dead and the last such request has ended.
    due_at timestamptz DEFAULT clock_timestamp(),
    finished_at timestamptz,
    CONSTRAINT deleted_users_end_check CHECK ((due_at IS NULL) = (finished_at IS NOT NULL))
);

CREATE INDEX deleted_users_due ON deleted_users (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX deleted_users_finished ON deleted_users (finished_at) WHERE finished_at IS NOT NULL;

GRANT SELECT, INSERT, UPDATE, DELETE ON deleted_users TO botberi;
