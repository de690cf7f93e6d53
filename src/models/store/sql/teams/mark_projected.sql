UPDATE teams
SET projected_revision = $2
WHERE id = $1 AND projected_revision < $2
