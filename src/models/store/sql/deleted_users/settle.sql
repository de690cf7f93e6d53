-- Nothing is left now. Looks once more when no request can be under way any more that began before; then never again, and the
-- count of what they had goes, too.
WITH settled AS (
    UPDATE deleted_users
    SET due_at = CASE WHEN now() < arrived_at + $2::bigint * interval '1 millisecond'
            THEN arrived_at + $2::bigint * interval '1 millisecond' END,
        finished_at = CASE WHEN now() >= arrived_at + $2::bigint * interval '1 millisecond' THEN now() END
    WHERE user_id = $1
    RETURNING finished_at
)
DELETE FROM usage
WHERE user_id = $1 AND instances = 0 AND EXISTS (SELECT FROM settled WHERE finished_at IS NOT NULL)
