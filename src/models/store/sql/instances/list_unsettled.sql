-- What a replica has claimed and not yet brought to where it is wanted, most of it on its way, and what runs with a change that
-- the replica has not read: the rest of both has missed a hint.
(
    SELECT i.id, i.revision
    FROM instances i
    WHERE instance_needs_work(i.desired_state, i.status)
        AND i.owner_replica = $1
    ORDER BY i.id
    LIMIT $2
)
UNION ALL
(
    SELECT i.id, i.revision
    FROM instances i
    WHERE i.owner_replica = $1
        AND i.status = 'running' AND i.desired_state = 'running' AND i.revision > i.observed_revision
    LIMIT $2
)
