SELECT
    refresh_tokens.id, refresh_tokens.family_id, refresh_tokens.user_id, users.role,
    refresh_tokens.spent_at IS NOT NULL AS is_spent,
    sessions.revoked_at IS NULL AND users.disabled_at IS NULL
        AND refresh_tokens.revoked_at IS NULL AND refresh_tokens.expires_at > clock_timestamp() AS is_good
FROM refresh_tokens
JOIN sessions ON sessions.id = refresh_tokens.family_id
JOIN users ON users.id = refresh_tokens.user_id
WHERE refresh_tokens.token_hash = $1
