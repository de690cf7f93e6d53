SELECT id, user_id, team_id, name, prefix, permissions, created_at, expires_at, last_used_at, replaced_by
FROM api_keys
WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp())
FOR NO KEY UPDATE
