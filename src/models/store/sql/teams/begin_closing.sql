-- The mark of an earlier attempt is taken up again. Whoever wishes it is kept with it, for whoever brings it to its end.
UPDATE teams
SET closing_at = coalesce(closing_at, clock_timestamp()), closing_origin = $2
WHERE id = $1
RETURNING closing_at
