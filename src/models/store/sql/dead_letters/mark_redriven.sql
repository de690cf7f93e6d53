-- Whatever is told from now on is news, even a death that looks like the last one: after a kill the same redrive is sent twice.
UPDATE dead_letters
SET handled_at = clock_timestamp(), outcome = 'redriven', redrives = redrives + 1, last_error = NULL, death = '',
    wished_at = NULL, wished_by = NULL, wish_request_id = NULL,
    history = dead_letter_history(history, 'redriven', NULL, wished_by, wish_request_id)
WHERE id = $1
