INSERT INTO replicas (id, roles, lease_ms)
VALUES ($1, $2, $3)
ON CONFLICT (id) DO UPDATE
SET roles = EXCLUDED.roles, lease_ms = EXCLUDED.lease_ms, beat_at = clock_timestamp(), steady_since = clock_timestamp()
