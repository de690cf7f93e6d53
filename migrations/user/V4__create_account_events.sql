-- Why: what happens to an account concerns those who know of it only by its id. A trigger writes an event in the transaction
-- of the change; whoever carries events to the bus copies them from here, by `event_id`, so that copying twice is copying once.
SET LOCAL lock_timeout = '5s';

-- As in `shared_psql`: Postgres 15 cannot make a UUIDv7.
CREATE FUNCTION uuid_v7() RETURNS uuid
LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
    SELECT (
        lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0')
        || '7' || substr(gen_random_uuid()::text, 16)
    )::uuid
$$;

CREATE TABLE event_outbox (
    id bigint GENERATED ALWAYS AS IDENTITY (CACHE 1),
    event_id uuid PRIMARY KEY DEFAULT uuid_v7(),
    routing_key text NOT NULL,
    -- What it is about: a session or a person.
    aggregate_id text NOT NULL,
    -- No foreign key: the event outlives the account.
    user_id uuid NOT NULL,
    body json NOT NULL,
    occurred_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- The request that it followed from, where it did.
    request_id text,
    traceparent text,
    -- When it was handed on; the row may go some time later.
    relayed_at timestamptz
);

-- What is still to be handed on; empty most of the time.
CREATE UNIQUE INDEX event_outbox_unrelayed ON event_outbox (id) WHERE relayed_at IS NULL;
CREATE INDEX event_outbox_by_relay ON event_outbox (relayed_at) WHERE relayed_at IS NOT NULL;

-- The columns are listed so that nobody chooses ids, and nothing but the hand-over is written later.
GRANT SELECT, DELETE ON event_outbox TO botberi;
GRANT INSERT (event_id, routing_key, aggregate_id, user_id, body, occurred_at, request_id, traceparent) ON event_outbox TO botberi;
GRANT UPDATE (relayed_at) ON event_outbox TO botberi;
GRANT EXECUTE ON FUNCTION uuid_v7() TO botberi;
