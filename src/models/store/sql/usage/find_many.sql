SELECT user_id, instances, instances_max
FROM usage
WHERE user_id = ANY ($1::uuid[])
