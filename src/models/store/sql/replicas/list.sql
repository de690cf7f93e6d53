SELECT id, roles, started_at, beat_at, lease_ms, replica_is_stale(beat_at, lease_ms) AS is_stale
FROM replicas
ORDER BY id
