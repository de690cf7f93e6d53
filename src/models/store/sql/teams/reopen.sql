-- Only the mark that was looked at is taken away: another attempt has another.
UPDATE teams
SET closing_at = NULL, closing_origin = NULL
WHERE id = $1 AND closing_at = $2 AND deleted_at IS NULL
