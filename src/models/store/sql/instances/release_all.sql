WITH held AS (
    SELECT i.id
    FROM instances i
    WHERE i.owner_replica = $1
        AND (instance_needs_work(i.desired_state, i.status) OR (i.status = 'running' AND i.desired_state = 'running'))
    ORDER BY i.id
    FOR NO KEY UPDATE
)
UPDATE instances i
SET owner_replica = NULL, owner_epoch = i.owner_epoch + 1, deadline_at = NULL
FROM held
WHERE i.id = held.id
RETURNING i.id
