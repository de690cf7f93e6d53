-- Nothing is left now. Looks once more when no request can be under way any more that began before; then never again.
UPDATE deleted_users
SET due_at = CASE WHEN now() < arrived_at + $2::bigint * interval '1 millisecond'
        THEN arrived_at + $2::bigint * interval '1 millisecond' END,
    finished_at = CASE WHEN now() >= arrived_at + $2::bigint * interval '1 millisecond' THEN now() END
WHERE user_id = $1
