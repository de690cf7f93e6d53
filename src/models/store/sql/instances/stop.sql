-- A wish. The worker does the stopping, and says so in the status; wishing twice changes nothing.
WITH changed AS (
    UPDATE instances
    SET desired_state = 'stopped'
    WHERE id = $1 AND user_id = $2 AND deleted_at IS NULL
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
FROM changed
JOIN knowledge_bases kb ON kb.instance_id = changed.id
