SELECT EXISTS (SELECT FROM sessions WHERE id = $1 AND revoked_at IS NULL) AS is_live
