-- Only while the lease runs: one that came back too late may have lost what it owned, and must register again.
UPDATE replicas
SET beat_at = clock_timestamp()
WHERE id = $1 AND NOT replica_is_stale(beat_at, lease_ms)
