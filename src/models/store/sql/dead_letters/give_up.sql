UPDATE dead_letters
SET last_error = $2, wished_at = NULL, wished_by = NULL, wish_request_id = NULL,
    history = dead_letter_history(history, 'refused', $2, wished_by, wish_request_id)
WHERE id = $1
