-- Why a claim has left these out, where they are not settled: a living replica has them, or another session had locked the row.
-- What a dead one has and may not be claimed yet is found by a sweep.
SELECT i.id, r.id AS living_owner, i.revision, i.observed_revision
FROM instances i
LEFT JOIN replicas r ON r.id = i.owner_replica AND r.id <> $1 AND NOT replica_is_stale(r.beat_at, r.lease_ms)
WHERE i.id = ANY ($2::uuid[])
    AND (
        r.id IS NOT NULL
        OR (
            (instance_needs_work(i.desired_state, i.status) OR i.status = 'running')
            AND (i.owner_replica IS NULL OR i.owner_replica = $1 OR (SELECT replica_may_judge($1)))
        )
    )
