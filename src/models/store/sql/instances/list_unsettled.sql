-- What a replica has claimed and not yet brought to where it is wanted: most of it is on its way, the rest has missed a hint.
SELECT i.id, i.revision
FROM instances i
WHERE instance_needs_work(i.desired_state, i.status)
    AND i.owner_replica = $1
ORDER BY i.id
LIMIT $2
