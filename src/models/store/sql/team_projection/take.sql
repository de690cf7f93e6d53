-- Locks the team's row, and gives one row if the state is later than the one that is there. The members follow in a statement
-- of their own: it sees what was written by whoever held the lock before.
INSERT INTO teams AS t (id, revision, is_closed, deleted_at)
VALUES ($1, $2, $3, $4)
ON CONFLICT (id) DO UPDATE
SET revision = EXCLUDED.revision, is_closed = EXCLUDED.is_closed, deleted_at = EXCLUDED.deleted_at
WHERE t.revision < EXCLUDED.revision
RETURNING t.id
