-- Whoever changes a team or its members does so one after the other. The role of whoever asks is read under the lock, by the
-- next statement: this one may have waited, and saw their role before that.
SELECT id
FROM teams
WHERE id = $1 AND deleted_at IS NULL
FOR NO KEY UPDATE
