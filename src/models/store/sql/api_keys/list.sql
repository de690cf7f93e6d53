SELECT id, user_id, team_id, name, prefix, permissions, created_at, expires_at, last_used_at, replaced_by
FROM api_keys
WHERE user_id = $1 AND revoked_at IS NULL AND ($2::uuid IS NULL OR id < $2)
ORDER BY id DESC
LIMIT $3
