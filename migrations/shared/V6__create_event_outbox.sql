-- Why: the log that the bus, the sockets and the history are fed from. A trigger writes an event in the transaction of the
-- change it tells; the publisher later gives it its place. What is committed is published, and nothing else is.
SET LOCAL lock_timeout = '5s';

CREATE TABLE event_outbox (
    -- CACHE 1: a session that took ids ahead would give an older id to a later change of the same row.
    -- Not the key: one index over all ids would be a second, slower way to find the unplaced rows, and a planner that
    -- met the table while it was empty could choose it.
    id bigint GENERATED ALWAYS AS IDENTITY (CACHE 1),
    event_id uuid PRIMARY KEY DEFAULT uuid_v7(),
    routing_key text NOT NULL,
    table_name text NOT NULL,
    -- insert, update or delete. No CHECK: only triggers write here, and Postgres would read it anew for every event.
    event_type text NOT NULL,
    aggregate_id text NOT NULL,
    revision bigint,
    user_id uuid,
    team_id uuid,
    -- json and not jsonb: it is written once, read as text and pasted into the message, never searched.
    body json NOT NULL,
    occurred_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    position bigint CONSTRAINT event_outbox_position_key UNIQUE
);

-- What the publisher has not placed yet; empty most of the time.
CREATE UNIQUE INDEX event_outbox_unplaced ON event_outbox (id) WHERE position IS NULL;
-- A socket's resume. Events without an owner are not in it.
CREATE INDEX event_outbox_of_user ON event_outbox (user_id, position) WHERE position IS NOT NULL AND user_id IS NOT NULL;
-- The history of one thing.
CREATE INDEX event_outbox_of_aggregate ON event_outbox (aggregate_id, position) WHERE position IS NOT NULL;

-- Every row is updated once, when it is placed: vacuum early and a little rather than late and much.
ALTER TABLE event_outbox SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05);

-- One row: who publishes, and how far. Every write of the publisher is conditional on the epoch, so one that was
-- replaced while it slept changes nothing.
CREATE TABLE publisher_state (
    singleton boolean PRIMARY KEY DEFAULT true CONSTRAINT publisher_state_singleton_check CHECK (singleton),
    epoch bigint NOT NULL DEFAULT 0,
    last_position bigint NOT NULL DEFAULT 0,
    published_position bigint NOT NULL DEFAULT 0,
    beat_at timestamptz,
    backend_pid integer,
    replica_id uuid,
    CONSTRAINT publisher_state_positions_check CHECK (published_position <= last_position)
) WITH (fillfactor = 10);
INSERT INTO publisher_state DEFAULT VALUES;

-- Advisory-lock keys, repeated as constants in src/models/store/keys.rs; a test compares them.
-- Held by the publisher as long as it leads.
CREATE FUNCTION publisher_leader_key() RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT 4202010001::bigint $$;
-- Held by the publisher while it is awake, and would read new rows without a bell.
CREATE FUNCTION publisher_awake_key() RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT 4202010002::bigint $$;

-- The doorbell for writers who come by plain SQL. NOTIFY holds a database-wide lock until the commit is flushed, which
-- makes inserts several times slower: the platform's own connections are quiet and ring after the commit, and nobody
-- rings while the publisher is awake. A bell that is lost this way delays an event by a second at most.
CREATE FUNCTION ring_bell(change text, table_name text, row_key json, row_data json, outbox_id bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    payload text;
BEGIN
    IF NOT pg_try_advisory_lock_shared(public.publisher_awake_key()) THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_unlock_shared(public.publisher_awake_key());

    payload := json_build_object(
        'schema_version', 1, 'event_type', change, 'table', table_name, 'row_data', row_data, 'outbox_id', outbox_id
    )::text;
    IF octet_length(payload) >= 8000 THEN -- a longer one would fail the writer's statement
        payload := json_build_object(
            'schema_version', 1, 'event_type', change, 'table', table_name, 'row_data', row_key, 'outbox_id', outbox_id,
            'truncated', true
        )::text;
    END IF;
    PERFORM pg_notify('instances_notify', payload);
END
$$;

CREATE FUNCTION bell_is_quiet() RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT current_setting('botberi.bell', true) IS NOT DISTINCT FROM 'quiet'
$$;

-- The columns are listed so that nobody but the publisher gives positions, and nobody chooses ids.
GRANT SELECT, DELETE ON event_outbox TO botberi;
GRANT INSERT (event_id, routing_key, table_name, event_type, aggregate_id, revision, user_id, team_id, body, occurred_at)
    ON event_outbox TO botberi;
GRANT UPDATE (position) ON event_outbox TO botberi;
GRANT SELECT, UPDATE ON publisher_state TO botberi;
