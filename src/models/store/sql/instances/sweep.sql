-- What needs an owner: work that nobody has taken or whose owner is dead, and live instances that nobody keeps. Nothing is locked:
-- who has a row is decided by the claim. Whoever may not judge finds only what has no owner at all.
--
-- The owners are found by jumps along the index, one for each, and not by their rows in `replicas`: whatever became of a row,
-- what it owned is not forgotten.
WITH RECURSIVE owner AS (
    (
        SELECT i.owner_replica AS id
        FROM instances i
        WHERE i.status = 'running' AND i.desired_state = 'running' AND i.owner_replica IS NOT NULL
        ORDER BY i.owner_replica
        LIMIT 1
    )
    UNION ALL
    SELECT (
        SELECT i.owner_replica
        FROM instances i
        WHERE i.status = 'running' AND i.desired_state = 'running' AND i.owner_replica > owner.id
        ORDER BY i.owner_replica
        LIMIT 1
    )
    FROM owner
    WHERE owner.id IS NOT NULL
), living AS MATERIALIZED (
    SELECT id FROM replicas WHERE NOT replica_is_stale(beat_at, lease_ms)
), dead AS MATERIALIZED (
    SELECT owner.id
    FROM owner
    WHERE owner.id NOT IN (SELECT living.id FROM living) AND (SELECT replica_may_judge($1))
)
(
    SELECT i.id
    FROM instances i
    WHERE instance_needs_work(i.desired_state, i.status) AND i.owner_replica IS NULL
    -- As the index has them.
    ORDER BY i.owner_replica, i.id
    LIMIT $2
)
UNION ALL
(
    SELECT i.id
    FROM instances i
    WHERE instance_needs_work(i.desired_state, i.status)
        AND i.owner_replica IS NOT NULL
        AND i.owner_replica NOT IN (SELECT living.id FROM living)
        AND (SELECT replica_may_judge($1))
    LIMIT $2
)
UNION ALL
(
    SELECT i.id
    FROM instances i
    WHERE i.status = 'running' AND i.desired_state = 'running' AND i.owner_replica IS NULL
    LIMIT $2
)
UNION ALL
(
    SELECT i.id
    FROM instances i
    WHERE i.status = 'running' AND i.desired_state = 'running'
        AND i.owner_replica = ANY (ARRAY(SELECT dead.id FROM dead))
    LIMIT $2
)
LIMIT $2
