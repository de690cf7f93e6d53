SELECT r.user_id
FROM password_resets r JOIN users u ON u.id = r.user_id
WHERE r.token_hash = $1 AND r.spent_at IS NULL AND r.expires_at > clock_timestamp() AND u.disabled_at IS NULL
