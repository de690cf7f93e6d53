-- For administrators: whoever's it is, and whoever has it.
-- The epoch grows, so that what the former owner still sends changes nothing. What failed, or was stopped and is wanted, begins
-- anew; all else keeps its status and is taken up from there. What nobody has to do anything for stays as it is.
WITH target AS (
    SELECT target.owner_replica AS former_owner
    FROM instances target
    WHERE target.id = $1
    FOR NO KEY UPDATE
), changed AS (
    UPDATE instances i
    SET owner_replica = NULL,
        owner_epoch = i.owner_epoch + 1,
        attempts = 0,
        deadline_at = NULL,
        status = CASE
            WHEN i.desired_state = 'running' AND i.status IN ('failed', 'stopped') THEN 'pending'
            ELSE i.status
        END,
        status_reason = NULL,
        request_id = $2,
        traceparent = $3,
        acting = 'administrator'
    FROM target
    WHERE i.id = $1 AND i.deleted_at IS NULL AND NOT (i.desired_state = 'stopped' AND i.status = 'stopped')
    RETURNING
        (SELECT kb.id FROM knowledge_bases kb WHERE kb.instance_id = i.id) AS knowledge_base_id,
        i.id, i.bot_id, i.agent_version, i.user_id, i.team_id, i.title, i.user_config, i.pipeline_config, i.status,
        i.status_reason, i.desired_state, i.revision, i.owner_replica, i.owner_epoch, i.attempts, i.deadline_at,
        i.created_at, i.updated_at, i.deleted_at
), audited AS (
    INSERT INTO audit_entries (origin, action, target_kind, target_id, team_id)
    SELECT $4::jsonb, 'instance.requeue', 'instance', changed.id::text, changed.team_id
    FROM changed
)
SELECT
    former_owner,
    changed.knowledge_base_id,
    changed.id, changed.bot_id, changed.agent_version, changed.user_id, changed.team_id, changed.title,
    changed.user_config, changed.pipeline_config, changed.status, changed.status_reason, changed.desired_state,
    changed.revision, changed.owner_replica, changed.owner_epoch, changed.attempts, changed.deadline_at,
    changed.created_at, changed.updated_at, changed.deleted_at
FROM target LEFT JOIN changed ON true
