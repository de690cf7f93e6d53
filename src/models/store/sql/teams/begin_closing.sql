-- The mark of an earlier attempt is taken up again.
UPDATE teams
SET closing_at = coalesce(closing_at, clock_timestamp())
WHERE id = $1
RETURNING closing_at
