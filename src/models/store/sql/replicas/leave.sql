-- A replica that still keeps something alive is not forgotten but called dead at once: the survivors find what it kept by its
-- row, and without it never would. A subquery, for the reason that forget_stale.sql gives.
WITH gone AS (
    DELETE FROM replicas r
    WHERE r.id = $1
        AND (
            SELECT i.id
            FROM instances i
            WHERE i.owner_replica = $1 AND i.status = 'running' AND i.desired_state = 'running'
            LIMIT 1
        ) IS NULL
    RETURNING r.id
)
UPDATE replicas
SET beat_at = least(beat_at, clock_timestamp() - lease_ms * interval '1 millisecond' - interval '1 millisecond')
WHERE id = $1 AND (SELECT id FROM gone) IS NULL
