-- Hides some of what a user owns alone (what belongs to a team stays with the team) and tells everybody, as a tombstone does; gives how many. It follows from none of the requests
-- that made or changed them. Rows are looked for newest first, as the index has them, and locked oldest first, as whoever locks
-- several does.
WITH found AS MATERIALIZED (
    SELECT id FROM instances WHERE user_id = $1 AND team_id IS NULL AND deleted_at IS NULL ORDER BY id DESC LIMIT $2
), target AS MATERIALIZED (
    SELECT id
    FROM instances
    WHERE user_id = $1 AND team_id IS NULL AND id = ANY (ARRAY(SELECT id FROM found)) AND deleted_at IS NULL
    ORDER BY id
    FOR NO KEY UPDATE
)
UPDATE instances
SET desired_state = 'deleted', deleted_at = clock_timestamp(), deadline_at = NULL, request_id = NULL, traceparent = NULL
WHERE id = ANY (ARRAY(SELECT id FROM target))
