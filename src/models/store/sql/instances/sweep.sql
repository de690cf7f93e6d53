-- What needs an owner: work that nobody has taken or whose owner is dead, and live instances that nobody keeps. Nothing is locked:
-- who has a row is decided by the claim. Whoever may not judge sees everybody as living, and finds what has no owner at all.
WITH living AS MATERIALIZED (
    SELECT id FROM replicas WHERE NOT replica_is_stale(beat_at, lease_ms)
), dead AS MATERIALIZED (
    SELECT id FROM replicas WHERE replica_is_stale(beat_at, lease_ms) AND replica_may_judge($1)
)
(
    SELECT i.id
    FROM instances i
    WHERE instance_needs_work(i.desired_state, i.status)
        AND (
            i.owner_replica IS NULL
            OR (i.owner_replica NOT IN (SELECT living.id FROM living) AND (SELECT replica_may_judge($1)))
        )
    ORDER BY i.id
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
