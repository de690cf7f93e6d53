-- Only while the lease runs: one that came back too late may have lost what it owned, and must register again.
UPDATE replicas
SET beat_at = clock_timestamp(),
    steady_since = CASE WHEN replica_is_late(beat_at, lease_ms) THEN clock_timestamp() ELSE steady_since END
WHERE id = $1 AND NOT replica_is_stale(beat_at, lease_ms)
