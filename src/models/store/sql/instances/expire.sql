-- Past its deadline a row is taken from a living owner: it had its chance. A wish to stop or to delete sets none, as its owner's
-- next claim does; an owner that never comes to that has as long from the wish on. What was being started has failed; what was being
-- stopped or torn down is left for the next owner to try. What a dead owner left is not late, however long everybody was
-- away: the sweep finds it, and whoever takes it has a whole deadline; the attempts are counted, so it ends.
WITH living AS MATERIALIZED (
    SELECT id FROM replicas WHERE NOT replica_is_stale(beat_at, lease_ms)
), overdue AS (
    SELECT i.id
    FROM instances i
    WHERE instance_needs_work(i.desired_state, i.status)
        AND i.owner_replica = ANY (ARRAY(SELECT living.id FROM living))
        AND coalesce(i.deadline_at, i.updated_at + $4::bigint * interval '1 millisecond') < clock_timestamp()
        AND (SELECT replica_may_judge($1))
    LIMIT $2
    FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE instances i
SET acting = 'worker',
    owner_replica = NULL,
    owner_epoch = i.owner_epoch + 1,
    deadline_at = NULL,
    status = CASE
        WHEN i.desired_state = 'running' AND i.status IN ('pending', 'provisioning') THEN 'failed'
        ELSE i.status
    END,
    status_reason = CASE
        WHEN i.desired_state = 'running' AND i.status IN ('pending', 'provisioning') THEN $3
        ELSE i.status_reason
    END
WHERE i.id = ANY (ARRAY(SELECT overdue.id FROM overdue))
RETURNING i.id, i.revision, i.status
