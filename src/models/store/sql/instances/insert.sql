-- One row per wish, in the order of the arrays. Whether the agent is offered is decided here and nowhere else: a cache
-- may be behind. A wish that is not granted comes back with the agent's status (or none), and no id of an instance.
WITH draft AS MATERIALIZED (
    SELECT ordinal, draft_id, base_id, agent_id, user_id, team_id, title, user_config, pipeline_config,
        request_id, traceparent, agent_status, agent_version
    FROM unnest(
        $1::uuid[], $2::uuid[], $3::integer[], $4::uuid[], $5::uuid[], $6::text[], $7::jsonb[], $8::jsonb[],
        $9::text[], $10::text[]
    ) WITH ORDINALITY AS wish (
        draft_id, base_id, agent_id, user_id, team_id, title, user_config, pipeline_config, request_id, traceparent,
        ordinal
    )
    LEFT JOIN LATERAL (
        SELECT a.status AS agent_status, a.version AS agent_version FROM agents a WHERE a.id = agent_id OFFSET 0
    ) AS agent ON true
), created AS (
    INSERT INTO instances AS i
        (id, bot_id, agent_version, user_id, team_id, title, user_config, pipeline_config, request_id, traceparent)
    SELECT draft_id, agent_id, agent_version, user_id, team_id, title, user_config, pipeline_config, request_id, traceparent
    FROM draft
    WHERE agent_status = 'published'
    RETURNING
        i.id, i.bot_id, i.agent_version, i.user_id, i.team_id, i.title, i.user_config, i.pipeline_config, i.status,
        i.status_reason, i.desired_state, i.revision, i.owner_replica, i.owner_epoch, i.attempts, i.deadline_at,
        i.created_at, i.updated_at, i.deleted_at
), base AS (
    INSERT INTO knowledge_bases (id, instance_id)
    SELECT base_id, draft_id
    FROM draft
    WHERE agent_status = 'published'
)
SELECT
    draft.agent_status,
    draft.base_id AS knowledge_base_id,
    created.id, created.bot_id, created.agent_version, created.user_id, created.team_id, created.title,
    created.user_config, created.pipeline_config, created.status, created.status_reason, created.desired_state,
    created.revision, created.owner_replica, created.owner_epoch, created.attempts, created.deadline_at,
    created.created_at, created.updated_at, created.deleted_at
FROM draft LEFT JOIN created ON created.id = draft.draft_id
ORDER BY draft.ordinal
