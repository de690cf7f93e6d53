SELECT instances, instances_max
FROM usage
WHERE user_id = $1
