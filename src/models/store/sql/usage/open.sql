-- In the order of users, as whoever locks several rows does.
INSERT INTO usage (user_id)
SELECT new_user
FROM unnest($1::uuid[]) AS new_user
ORDER BY new_user
ON CONFLICT (user_id) DO NOTHING
