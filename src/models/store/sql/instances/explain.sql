-- What there is to know about why a row is not (yet) what its user wants. The place in the queue is that of rows that need a
-- worker and have none, in the order in which they are swept up; no more than so many are counted.
SELECT
    (SELECT kb.id FROM knowledge_bases kb WHERE kb.instance_id = i.id) AS knowledge_base_id,
    i.id, i.bot_id, i.agent_version, i.user_id, i.team_id, i.title, i.user_config, i.pipeline_config, i.status,
    i.status_reason, i.desired_state, i.revision, i.owner_replica, i.owner_epoch, i.attempts, i.deadline_at,
    i.created_at, i.updated_at, i.deleted_at,
    owner.roles AS owner_roles, owner.started_at AS owner_started_at, owner.beat_at AS owner_beat_at,
    replica_is_stale(owner.beat_at, owner.lease_ms) AS owner_is_stale,
    (
        SELECT count(*) FROM replicas w WHERE 'worker' = ANY (w.roles) AND NOT replica_is_stale(w.beat_at, w.lease_ms)
    ) AS workers_alive,
    (SELECT max(w.beat_at) FROM replicas w WHERE 'worker' = ANY (w.roles)) AS worker_beat_at,
    CASE WHEN i.owner_replica IS NULL AND instance_needs_work(i.desired_state, i.status) THEN (
        SELECT count(*)
        FROM (
            SELECT
            FROM instances q
            WHERE instance_needs_work(q.desired_state, q.status) AND q.owner_replica IS NULL AND q.id <= i.id
            LIMIT $5
        ) AS ahead
    ) END AS queue_position,
    clock_timestamp() AS looked_at
FROM instances i
LEFT JOIN replicas owner ON owner.id = i.owner_replica
WHERE i.id = $1 AND i.deleted_at IS NULL
    AND CASE
        WHEN i.team_id IS NULL THEN i.user_id = $2 AND $3::uuid IS NULL
        ELSE i.team_id = coalesce($3, i.team_id) AND EXISTS (
            SELECT FROM team_members m WHERE m.team_id = i.team_id AND m.user_id = $2 AND m.role = ANY ($4::text[])
        )
    END
