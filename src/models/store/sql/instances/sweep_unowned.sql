-- What nobody has claimed: the part of the sweep that needs no judgement of who is dead.
WITH undone AS (
    SELECT i.id
    FROM instances i
    WHERE instance_needs_work(i.desired_state, i.status)
        AND i.owner_replica IS NULL
    ORDER BY i.id
    LIMIT $1
    FOR NO KEY UPDATE SKIP LOCKED
), drained AS (
    SELECT i.id
    FROM instances i
    WHERE i.status = 'running' AND i.desired_state = 'running' AND i.owner_replica IS NULL
    LIMIT $1
    FOR NO KEY UPDATE SKIP LOCKED
)
SELECT id FROM undone
UNION ALL SELECT id FROM drained
LIMIT $1
