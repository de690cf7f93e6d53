INSERT INTO deleted_users (user_id)
SELECT unnest($1::uuid[])
ON CONFLICT (user_id) DO NOTHING
