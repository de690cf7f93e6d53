-- For administrators: whoever's it is.
-- From `failed` and `stopped` it begins anew. A stop that has not happened yet is called off. Else nothing changes.
WITH target AS (
    SELECT target.revision AS target_revision
    FROM instances target
    WHERE target.id = $1 AND target.deleted_at IS NULL
    FOR NO KEY UPDATE
), changed AS (
    UPDATE instances i
    SET desired_state = 'running',
        request_id = $2,
        traceparent = $3,
        acting = 'administrator',
        status = CASE WHEN i.status IN ('failed', 'stopped') THEN 'pending' ELSE i.status END,
        status_reason = CASE WHEN i.status IN ('failed', 'stopped') THEN NULL ELSE i.status_reason END,
        attempts = CASE WHEN i.status IN ('failed', 'stopped') THEN 0 ELSE i.attempts END,
        deadline_at = CASE WHEN i.status IN ('failed', 'stopped') THEN NULL ELSE i.deadline_at END
    FROM target
    WHERE i.id = $1
    RETURNING
        (SELECT kb.id FROM knowledge_bases kb WHERE kb.instance_id = i.id) AS knowledge_base_id,
        i.id, i.bot_id, i.agent_version, i.user_id, i.team_id, i.title, i.user_config, i.pipeline_config, i.status,
        i.status_reason, i.desired_state, i.revision, i.owner_replica, i.owner_epoch, i.attempts, i.deadline_at,
        i.created_at, i.updated_at, i.deleted_at
), audited AS (
    INSERT INTO audit_entries (origin, action, target_kind, target_id, team_id)
    SELECT $4::jsonb, 'instance.start', 'instance', changed.id::text, changed.team_id
    FROM changed, target
    WHERE changed.revision > target_revision
)
SELECT
    changed.knowledge_base_id,
    changed.id, changed.bot_id, changed.agent_version, changed.user_id, changed.team_id, changed.title,
    changed.user_config, changed.pipeline_config, changed.status, changed.status_reason, changed.desired_state,
    changed.revision, changed.owner_replica, changed.owner_epoch, changed.attempts, changed.deadline_at,
    changed.created_at, changed.updated_at, changed.deleted_at
FROM changed
