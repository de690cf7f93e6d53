-- What needs an owner: work that nobody has taken or whose owner is dead, and live instances that nobody keeps. Rows that
-- another sweeper holds in its transaction are passed over.
WITH living AS MATERIALIZED (
    SELECT id FROM replicas WHERE NOT replica_is_stale(beat_at, lease_ms)
), undone AS (
    SELECT i.id
    FROM instances i
    WHERE instance_needs_work(i.desired_state, i.status)
        AND (i.owner_replica IS NULL OR i.owner_replica NOT IN (SELECT id FROM living))
    ORDER BY i.id
    LIMIT $1
    FOR NO KEY UPDATE SKIP LOCKED
), drained AS (
    SELECT i.id
    FROM instances i
    WHERE i.status = 'running' AND i.desired_state = 'running' AND i.owner_replica IS NULL
    LIMIT $1
    FOR NO KEY UPDATE SKIP LOCKED
), orphaned AS (
    SELECT i.id
    FROM instances i
    WHERE i.status = 'running' AND i.desired_state = 'running'
        AND i.owner_replica = ANY (ARRAY(SELECT r.id FROM replicas r WHERE replica_is_stale(r.beat_at, r.lease_ms)))
    LIMIT $1
    FOR NO KEY UPDATE SKIP LOCKED
)
SELECT id FROM undone
UNION ALL SELECT id FROM drained
UNION ALL SELECT id FROM orphaned
LIMIT $1
