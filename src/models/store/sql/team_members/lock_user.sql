-- Counts of a user's teams are compared one after the other, and an account is not closed meanwhile.
SELECT id
FROM users
WHERE id = $1 AND closed_at IS NULL
FOR NO KEY UPDATE
