-- Why: whether a replica may call another dead was decided before the statement that acts on it was sent. An outage can hold a
-- statement back and let it go when everybody's row is old and nobody has beaten again. Now the statement asks when it runs,
-- by the database's clock, and every statement asks the same function.
SET LOCAL lock_timeout = '5s';

-- When its present run of beats began, none of them late.
ALTER TABLE replicas ADD COLUMN steady_since timestamptz NOT NULL DEFAULT clock_timestamp();

-- A beat is late after two thirds of the lease: then its sender has stopped acting, too. By the clock as it is when this is
-- asked, and not when the statement came: it may have been held back in between.
CREATE FUNCTION replica_is_late(beat_at timestamptz, lease_ms integer) RETURNS boolean
LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
    SELECT beat_at + lease_ms * interval '1 millisecond' * 2 / 3 < clock_timestamp()
$$;

-- Whoever has not beaten for a whole lease without a break judges nobody: what was away for it was away for the others, too.
CREATE FUNCTION replica_may_judge(me uuid) RETURNS boolean
LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
    SELECT EXISTS (
        SELECT FROM replicas r
        WHERE r.id = me
            AND NOT replica_is_late(r.beat_at, r.lease_ms)
            AND r.steady_since + r.lease_ms * interval '1 millisecond' <= clock_timestamp()
    )
$$;

-- The queue is read by its head, and what an owner has of it by the owner: a million rows that wait must not be walked through
-- for that, twice a second by every worker.
CREATE INDEX instances_unsettled ON instances (owner_replica, id) WHERE instance_needs_work(desired_state, status);
DROP INDEX instances_needing_work;
