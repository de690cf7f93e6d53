-- What a key is worth at this moment: its user's role is the present one.
SELECT k.id, k.user_id, k.team_id, k.permissions, k.expires_at, u.role
FROM api_keys k JOIN users u ON u.id = k.user_id
WHERE k.id = $1
    AND k.revoked_at IS NULL
    AND (k.expires_at IS NULL OR k.expires_at > clock_timestamp())
    AND u.disabled_at IS NULL
