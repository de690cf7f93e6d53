-- The two halves are found by an index each; together they are all that a replica can be looking after. What another session
-- holds is passed over, as in a claim: survivors find it by its owner, who has left.
WITH owned AS (
    SELECT i.id
    FROM instances i
    WHERE i.owner_replica = $1 AND instance_needs_work(i.desired_state, i.status)
    UNION ALL
    SELECT i.id
    FROM instances i
    WHERE i.owner_replica = $1 AND i.status = 'running' AND i.desired_state = 'running'
), held AS (
    SELECT i.id
    FROM instances i
    WHERE i.id = ANY (ARRAY(SELECT owned.id FROM owned)) AND i.owner_replica = $1
    FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE instances i
SET owner_replica = NULL, owner_epoch = i.owner_epoch + 1, deadline_at = NULL
WHERE i.id = ANY (ARRAY(SELECT held.id FROM held))
RETURNING i.id
