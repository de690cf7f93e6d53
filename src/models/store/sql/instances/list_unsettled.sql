-- What a replica has claimed and not yet brought to where it is wanted: most of it is on its way, the rest has missed a hint.
SELECT i.id, i.revision
FROM instances i
WHERE (i.desired_state = 'deleted'
        OR (i.desired_state = 'running' AND i.status IN ('pending', 'provisioning', 'stopped'))
        OR (i.desired_state = 'stopped' AND i.status <> 'stopped'))
    AND i.owner_replica = $1
ORDER BY i.id
LIMIT $2
