-- Why: a replica that renews its row is alive, and owns what it claimed; one that has not for a whole lease is dead. One
-- row per process, never one per instance, so that a hundred thousand instances cost no more beats than one.
SET LOCAL lock_timeout = '5s';

CREATE TABLE replicas (
    id uuid PRIMARY KEY,
    roles text[] NOT NULL,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    beat_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    lease_ms integer NOT NULL CONSTRAINT replicas_lease_ms_check CHECK (lease_ms > 0)
) WITH (fillfactor = 50);

-- By the database's clock: replicas need not agree on the time.
CREATE FUNCTION replica_is_stale(beat_at timestamptz, lease_ms integer) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT beat_at + lease_ms * interval '1 millisecond' < now()
$$;

GRANT SELECT, INSERT, UPDATE, DELETE ON replicas TO botberi;
