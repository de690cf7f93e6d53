-- Hides the row and tells everybody; whoever owns it tears it down and purges it.
WITH target AS (
    SELECT target.id AS target_id, target.revision AS target_revision
    FROM instances target
    WHERE target.id = $1 AND target.user_id = $2 AND target.deleted_at IS NULL
    FOR NO KEY UPDATE
), changed AS (
    UPDATE instances
    SET desired_state = 'deleted', deleted_at = clock_timestamp(), deadline_at = NULL
    FROM target
    WHERE id = target_id AND target_revision = coalesce($3::bigint, target_revision)
    RETURNING
        id, bot_id, agent_version, user_id, team_id, title, user_config, pipeline_config, status,
        status_reason, desired_state, revision, owner_replica, owner_epoch, attempts, deadline_at,
        created_at, updated_at, deleted_at
)
SELECT
    kb.id AS knowledge_base_id,
    changed.id, changed.bot_id, changed.agent_version, changed.user_id, changed.team_id,
    changed.title, changed.user_config, changed.pipeline_config, changed.status,
    changed.status_reason, changed.desired_state, changed.revision, changed.owner_replica,
    changed.owner_epoch, changed.attempts, changed.deadline_at, changed.created_at,
    changed.updated_at, changed.deleted_at
FROM target
JOIN knowledge_bases kb ON kb.instance_id = target_id
LEFT JOIN changed ON changed.id = target_id
