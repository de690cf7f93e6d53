-- Why: a client that does not know whether its POST was done sends it again with the same key, and is answered as the first
-- time. The row is inserted before the work and in its transaction: a twin that comes meanwhile waits for the outcome, and a
-- key exists exactly if its work was done.
SET LOCAL lock_timeout = '5s';

CREATE TABLE idempotency_keys (
    owner_id uuid NOT NULL,
    -- What was asked for, as in `POST /instances`: the same key may be used for another kind of thing.
    route text NOT NULL,
    key text NOT NULL,
    -- SHA-256 of what was sent, so that a key that is used for something else is noticed.
    fingerprint bytea NOT NULL,
    -- The thing as it was when it was made. NULL only inside the transaction that makes it.
    answer json,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (owner_id, route, key)
);

-- They are taken away by age.
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_keys TO botberi;
