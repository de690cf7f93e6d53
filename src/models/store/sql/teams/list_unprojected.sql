SELECT id
FROM teams
WHERE revision > projected_revision
ORDER BY id
LIMIT $1
