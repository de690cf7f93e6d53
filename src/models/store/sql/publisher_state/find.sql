SELECT epoch, last_position, published_position, beat_at, backend_pid, replica_id
FROM publisher_state
WHERE singleton
