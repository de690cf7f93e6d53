-- The same password, hashed anew: nothing about the account has changed.
UPDATE users
SET password_hash = $3
WHERE id = $1 AND password_hash = $2 AND disabled_at IS NULL
