-- A dead replica is remembered for people to see; survivors need no row to find what it owned.
DELETE FROM replicas r
WHERE r.beat_at + $2::bigint * interval '1 millisecond' < now()
    AND replica_is_stale(r.beat_at, r.lease_ms)
    AND (SELECT replica_may_judge($1))
RETURNING r.id
