-- One row per wish, in the order of the arrays. Whether the agent is offered, and whether the user may have one more, is
-- decided here and nowhere else: a cache may be behind. The lock on a user's count comes first and reads it as the last
-- commit left it, so that of two wishes for the last free place one finds it taken. Nothing is made while a user has no
-- count yet: the caller opens one and asks again. Into a team only a member puts something whose role lets them ($17), and only
-- while it takes things: both rows are locked, so that nothing is made behind a removal, or behind the back of whoever closes it.
WITH meter AS MATERIALIZED (
    SELECT u.user_id AS metered_user, u.instances AS used, coalesce(u.instances_max, $11::bigint) AS allowed
    FROM usage u
    WHERE u.user_id = ANY ($4::uuid[])
    ORDER BY u.user_id
    FOR NO KEY UPDATE
), membership AS MATERIALIZED (
    SELECT locked.joined_team, wished.wished_by AS member, joined.member_role, locked.is_closed
    FROM (
        SELECT DISTINCT wished_team, wished_by
        FROM unnest($5::uuid[], $4::uuid[]) AS wished (wished_team, wished_by)
        WHERE wished_team IS NOT NULL
        ORDER BY wished_team, wished_by
    ) AS wished
    CROSS JOIN LATERAL (
        SELECT t.id AS joined_team, t.is_closed FROM teams t WHERE t.id = wished_team FOR SHARE
    ) AS locked
    CROSS JOIN LATERAL (
        SELECT m.role AS member_role
        FROM team_members m
        WHERE m.team_id = locked.joined_team AND m.user_id = wished_by
        FOR SHARE
    ) AS joined
), draft AS MATERIALIZED (
    SELECT ordinal, draft_id, base_id, agent_id, user_id, team_id, title, user_config, pipeline_config,
        request_id, traceparent, actor_kind, actor_id, actor_name, credential_id, address, agent_status, agent_version,
        used, allowed, member_role, is_closed,
        CASE WHEN team_id IS NOT NULL THEN member_role = ANY (team_roles::text[]) END AS role_is_enough,
        agent_status = 'published'
        AND (team_id IS NULL OR coalesce(member_role = ANY (team_roles::text[]) AND NOT is_closed, false))
            AS is_fit
    FROM unnest(
        $1::uuid[], $2::uuid[], $3::integer[], $4::uuid[], $5::uuid[], $6::text[], $7::jsonb[], $8::jsonb[],
        $9::text[], $10::text[], $12::text[], $13::uuid[], $14::text[], $15::uuid[], $16::text[], $17::text[]
    ) WITH ORDINALITY AS wish (
        draft_id, base_id, agent_id, user_id, team_id, title, user_config, pipeline_config, request_id, traceparent,
        actor_kind, actor_id, actor_name, credential_id, address, team_roles, ordinal
    )
    LEFT JOIN LATERAL (
        SELECT membership.member_role, membership.is_closed
        FROM membership
        WHERE joined_team = team_id AND member = user_id
        OFFSET 0
    ) AS joined ON true
    LEFT JOIN LATERAL (
        SELECT a.status AS agent_status, a.version AS agent_version FROM agents a WHERE a.id = agent_id OFFSET 0
    ) AS agent ON true
    LEFT JOIN LATERAL (
        SELECT meter.used, meter.allowed FROM meter WHERE metered_user = user_id OFFSET 0
    ) AS place ON true
), ranked AS MATERIALIZED (
    SELECT ordinal, draft_id, base_id, agent_id, user_id, team_id, title, user_config, pipeline_config,
        request_id, traceparent, actor_kind, actor_id, actor_name, credential_id, address, agent_status, agent_version,
        used, allowed, member_role, is_closed, role_is_enough,
        is_fit
        AND used + count(*) FILTER (WHERE is_fit) OVER (PARTITION BY user_id ORDER BY ordinal) <= allowed
        AND NOT EXISTS (SELECT FROM draft unmetered WHERE unmetered.used IS NULL)
            AS is_granted
    FROM draft
), created AS (
    INSERT INTO instances AS i
        (id, bot_id, agent_version, user_id, team_id, title, user_config, pipeline_config, request_id, traceparent,
         acted_by)
    SELECT
        draft_id, agent_id, agent_version, user_id, team_id, title, user_config, pipeline_config, request_id, traceparent,
        event_actor(actor_kind, actor_id)
    FROM ranked
    WHERE is_granted
    RETURNING
        i.id, i.bot_id, i.agent_version, i.user_id, i.team_id, i.title, i.user_config, i.pipeline_config, i.status,
        i.status_reason, i.desired_state, i.revision, i.owner_replica, i.owner_epoch, i.attempts, i.deadline_at,
        i.created_at, i.updated_at, i.deleted_at
), base AS (
    INSERT INTO knowledge_bases (id, instance_id)
    SELECT base_id, draft_id
    FROM ranked
    WHERE is_granted
), audited AS (
    INSERT INTO audit_log
        (actor_kind, actor_id, actor_name, credential_id, address, action, target_kind, target_id, team_id, request_id,
         traceparent)
    SELECT
        actor_kind, actor_id, actor_name, credential_id, address, 'instance.create', 'instance', draft_id::text, team_id,
        request_id, traceparent
    FROM ranked
    WHERE is_granted
)
SELECT
    ranked.agent_status, ranked.used, ranked.allowed,
    ranked.team_id IS NULL OR ranked.member_role IS NOT NULL AS is_member, ranked.role_is_enough, ranked.is_closed,
    ranked.base_id AS knowledge_base_id,
    created.id, created.bot_id, created.agent_version, created.user_id, created.team_id, created.title,
    created.user_config, created.pipeline_config, created.status, created.status_reason, created.desired_state,
    created.revision, created.owner_replica, created.owner_epoch, created.attempts, created.deadline_at,
    created.created_at, created.updated_at, created.deleted_at
FROM ranked LEFT JOIN created ON created.id = ranked.draft_id
ORDER BY ranked.ordinal
