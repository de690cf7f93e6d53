UPDATE deleted_users
SET due_at = now() + $2::bigint * interval '1 millisecond'
WHERE user_id = $1 AND due_at IS NOT NULL
