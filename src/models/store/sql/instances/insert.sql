-- One row per wish, in the order of the arrays. Whether the agent is offered is decided here and nowhere else: a cache
-- may be behind. A wish that is not granted comes back with the agent's status (or none), and no id of an instance.
WITH draft AS (
    SELECT ordinal, draft_id, draft_base_id, draft_agent_id, draft_user_id, draft_team_id, draft_title,
        draft_user_config, draft_pipeline_config
    FROM unnest(
        $1::uuid[], $2::uuid[], $3::integer[], $4::uuid[], $5::uuid[], $6::text[], $7::jsonb[], $8::jsonb[]
    ) WITH ORDINALITY AS wish (
        draft_id, draft_base_id, draft_agent_id, draft_user_id, draft_team_id, draft_title,
        draft_user_config, draft_pipeline_config, ordinal
    )
), created AS (
    INSERT INTO instances
        (id, bot_id, agent_version, user_id, team_id, title, user_config, pipeline_config)
    SELECT draft_id, agent.id, agent.version, draft_user_id, draft_team_id, draft_title, draft_user_config,
        draft_pipeline_config
    FROM draft JOIN agents agent ON agent.id = draft_agent_id
    WHERE agent.status = 'published'
    RETURNING
        id, bot_id, agent_version, user_id, team_id, title, user_config, pipeline_config, status,
        status_reason, desired_state, revision, owner_replica, owner_epoch, attempts, deadline_at,
        created_at, updated_at, deleted_at
), base AS (
    INSERT INTO knowledge_bases (id, instance_id)
    SELECT draft_base_id, created.id
    FROM draft JOIN created ON created.id = draft_id
)
SELECT
    agent.status AS agent_status, draft_base_id AS knowledge_base_id,
    created.id, created.bot_id, created.agent_version, created.user_id, created.team_id,
    created.title, created.user_config, created.pipeline_config, created.status,
    created.status_reason, created.desired_state, created.revision, created.owner_replica,
    created.owner_epoch, created.attempts, created.deadline_at, created.created_at,
    created.updated_at, created.deleted_at
FROM draft
LEFT JOIN created ON created.id = draft_id
LEFT JOIN agents agent ON agent.id = draft_agent_id
ORDER BY ordinal
