SELECT id, owner_replica, owner_epoch
FROM instances
WHERE id = ANY ($1::uuid[])
