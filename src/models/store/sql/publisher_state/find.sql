SELECT
    epoch, last_position, published_position, beat_at, backend_pid, replica_id,
    (extract(epoch FROM clock_timestamp() - beat_at) * 1000)::bigint AS silence_ms
FROM publisher_state
WHERE singleton
