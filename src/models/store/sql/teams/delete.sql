-- Only under the mark that was there all the time while it was looked whether anything belongs to it.
UPDATE teams
SET deleted_at = clock_timestamp()
WHERE id = $1 AND closing_at = $2 AND deleted_at IS NULL
