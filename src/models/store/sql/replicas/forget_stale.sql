-- A dead replica is remembered until the survivors have taken over what it kept alive: they find that by its row.
-- A subquery and not NOT EXISTS, which would be planned as a walk through all that runs anywhere.
DELETE FROM replicas r
WHERE r.beat_at + $2::bigint * interval '1 millisecond' < now()
    AND replica_is_stale(r.beat_at, r.lease_ms)
    AND (SELECT replica_may_judge($1))
    AND (
        SELECT i.id
        FROM instances i
        WHERE i.owner_replica = r.id AND i.status = 'running' AND i.desired_state = 'running'
        LIMIT 1
    ) IS NULL
RETURNING r.id
