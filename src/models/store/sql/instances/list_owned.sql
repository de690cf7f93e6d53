-- What a directory that was rebuilt must find again: all that its replica has claimed.
SELECT i.id
FROM instances i
WHERE instance_needs_work(i.desired_state, i.status)
    AND i.owner_replica = $1
UNION ALL
SELECT i.id
FROM instances i
WHERE i.owner_replica = $1 AND i.status = 'running' AND i.desired_state = 'running'
