-- A dead replica is remembered until the survivors have taken over what it kept alive: they find that by its row.
DELETE FROM replicas r
WHERE r.beat_at + $1::bigint * interval '1 millisecond' < now()
    AND replica_is_stale(r.beat_at, r.lease_ms)
    AND NOT EXISTS (
        SELECT FROM instances i
        WHERE i.owner_replica = r.id AND i.status = 'running' AND i.desired_state = 'running'
    )
RETURNING r.id
