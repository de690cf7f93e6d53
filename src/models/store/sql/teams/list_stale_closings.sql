SELECT id, closing_at
FROM teams
WHERE closing_at < clock_timestamp() - $1::bigint * interval '1 millisecond' AND deleted_at IS NULL
ORDER BY closing_at
LIMIT $2
