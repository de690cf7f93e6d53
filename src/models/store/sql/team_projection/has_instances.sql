SELECT EXISTS (SELECT FROM instances WHERE team_id = $1 AND deleted_at IS NULL) AS has_instances
