UPDATE publisher_state
SET epoch = epoch + 1, replica_id = $1, backend_pid = pg_backend_pid(), beat_at = clock_timestamp()
WHERE singleton
RETURNING epoch, last_position, published_position
