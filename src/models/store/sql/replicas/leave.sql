-- Who leaves before everything was handed back is remembered as dead: survivors find what it kept alive by its row, and
-- without the row they never would.
WITH kept AS MATERIALIZED (
    SELECT i.id
    FROM instances i
    WHERE i.owner_replica = $1 AND i.status = 'running' AND i.desired_state = 'running'
    LIMIT 1
), remembered AS (
    UPDATE replicas
    SET beat_at = least(beat_at, now() - lease_ms * interval '1 millisecond' - interval '1 millisecond')
    WHERE id = $1 AND EXISTS (SELECT FROM kept)
)
DELETE FROM replicas
WHERE id = $1 AND NOT EXISTS (SELECT FROM kept)
