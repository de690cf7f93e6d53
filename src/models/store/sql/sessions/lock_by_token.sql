-- Held until the end of the transaction: a family has one change at a time.
SELECT id
FROM sessions
WHERE id = (SELECT family_id FROM refresh_tokens WHERE token_hash = $1)
FOR UPDATE
