-- One key at a time for each user, so that their number can be counted.
SELECT id FROM users WHERE id = $1 AND disabled_at IS NULL FOR NO KEY UPDATE
