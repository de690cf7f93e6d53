-- Compare-and-set on owner, epoch and status, and never behind a tombstone: there the revision stands still, so that a
-- worker could not tell its own move from its user's deletion. Whatever ends in `failed` or `stopped` needs no owner any more.
-- What another session holds is passed over, as in a claim; its mover looks at the row again.
WITH move AS (
    SELECT move_id, move_epoch, from_status, to_status, reason, deadline_ms
    FROM unnest($2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::bigint[])
        AS move (move_id, move_epoch, from_status, to_status, reason, deadline_ms)
), fenced AS (
    SELECT i.id, to_status, reason, deadline_ms
    FROM move JOIN instances i ON i.id = move_id
    WHERE i.id = ANY ($2::uuid[])
        AND i.owner_replica = $1 AND i.owner_epoch = move_epoch AND i.status = from_status
        AND i.desired_state <> 'deleted'
    FOR NO KEY UPDATE OF i SKIP LOCKED
)
UPDATE instances i
SET acting = 'worker',
    status = fenced.to_status,
    status_reason = fenced.reason,
    deadline_at = clock_timestamp() + fenced.deadline_ms * interval '1 millisecond',
    -- The mover is told the revision, and reads the row again where it has grown by more than this.
    observed_revision = i.revision + 1,
    owner_replica = CASE WHEN fenced.to_status IN ('failed', 'stopped') THEN NULL ELSE i.owner_replica END
FROM fenced
WHERE i.id = fenced.id AND i.id = ANY ($2::uuid[])
RETURNING i.id, i.revision
