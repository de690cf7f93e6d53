-- Held until the end of the transaction; one that another replica holds is passed over.
SELECT user_id
FROM deleted_users
WHERE due_at <= now()
ORDER BY due_at
LIMIT 1
FOR UPDATE SKIP LOCKED
