-- Claims what has something to be done and no other living owner. Whatever another session holds is passed over: a statement
-- that waits for one row while it holds others can take part in a deadlock, and its victim may be a user's statement.
-- What was claimed since this began is passed over, too: whether its owner lives was read before that.
WITH seen AS MATERIALIZED (
    SELECT id AS seen_id, owner_epoch AS seen_epoch FROM instances WHERE id = ANY ($2::uuid[])
), candidate AS (
    SELECT i.id
    FROM seen JOIN instances i ON i.id = seen_id
    WHERE i.id = ANY ($2::uuid[])
        AND i.owner_epoch = seen_epoch
        AND (instance_needs_work(i.desired_state, i.status) OR i.status = 'running')
        AND (
            i.owner_replica IS NULL
            OR i.owner_replica = $1
            OR (
                (SELECT replica_may_judge($1))
                AND NOT EXISTS (
                    SELECT FROM replicas r
                    WHERE r.id = i.owner_replica AND NOT replica_is_stale(r.beat_at, r.lease_ms)
                )
            )
        )
    FOR NO KEY UPDATE OF i SKIP LOCKED
)
UPDATE instances i
SET acting = 'worker',
    owner_replica = $1,
    owner_epoch = i.owner_epoch + 1,
    -- Whoever claims a row reads it, and the revision grows with the status, as the guard has it.
    observed_revision = i.revision + CASE
        WHEN i.desired_state = 'running' AND i.status IN ('pending', 'stopped') THEN 1
        ELSE 0
    END,
    status = CASE
        WHEN i.desired_state = 'running' AND i.status = 'pending' THEN 'provisioning'
        WHEN i.desired_state = 'running' AND i.status = 'stopped' THEN 'pending'
        ELSE i.status
    END,
    status_reason = CASE
        WHEN i.desired_state = 'running' AND i.status IN ('pending', 'stopped') THEN NULL
        ELSE i.status_reason
    END,
    -- An owner that claims anew, because its user has changed the row meanwhile, begins nothing again.
    attempts = CASE
        WHEN i.desired_state = 'running' AND i.status = 'pending' THEN i.attempts + 1
        WHEN i.desired_state = 'running' AND i.status = 'provisioning' AND i.owner_replica IS DISTINCT FROM $1 THEN i.attempts + 1
        ELSE i.attempts
    END,
    deadline_at = CASE
        WHEN i.desired_state = 'running' AND i.status = 'running' THEN NULL
        ELSE clock_timestamp() + $3::bigint * interval '1 millisecond'
    END
WHERE i.id = ANY (ARRAY(SELECT candidate.id FROM candidate))
RETURNING
    (SELECT kb.id FROM knowledge_bases kb WHERE kb.instance_id = i.id) AS knowledge_base_id,
    i.id, i.bot_id, i.agent_version, i.user_id, i.team_id, i.title, i.user_config, i.pipeline_config, i.status,
    i.status_reason, i.desired_state, i.revision, i.owner_replica, i.owner_epoch, i.attempts, i.deadline_at,
    i.created_at, i.updated_at, i.deleted_at
