-- To the back of the queue: what is not confirmed must not keep the others waiting.
UPDATE dead_letters
SET last_error = $2, wished_at = clock_timestamp()
WHERE id = $1
