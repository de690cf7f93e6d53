SELECT id
FROM replicas
WHERE 'worker' = ANY (roles) AND id <> $1 AND NOT replica_is_stale(beat_at, lease_ms)
ORDER BY beat_at DESC
LIMIT $2
