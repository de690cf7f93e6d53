UPDATE publisher_state
SET published_position = greatest(published_position, $2), beat_at = clock_timestamp()
WHERE singleton AND epoch = $1
