-- What is theirs alone, and what each of their teams has, are read apart, each newest first and no further than a page needs.
WITH found AS MATERIALIZED (
    SELECT own.id
    FROM (
        SELECT i.id
        FROM instances i
        WHERE i.user_id = $1
            AND i.team_id IS NULL
            AND $2::uuid IS NULL
            AND i.deleted_at IS NULL
            AND i.id < coalesce($4, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
            AND i.status = coalesce($5, i.status)
            AND i.bot_id = coalesce($6, i.bot_id)
        ORDER BY i.id DESC
        LIMIT $7
    ) AS own
    UNION ALL
    SELECT shared.id
    FROM team_members m
    CROSS JOIN LATERAL (
        SELECT i.id
        FROM instances i
        WHERE i.team_id = m.team_id
            AND i.deleted_at IS NULL
            AND i.id < coalesce($4, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
            AND i.status = coalesce($5, i.status)
            AND i.bot_id = coalesce($6, i.bot_id)
        ORDER BY i.id DESC
        LIMIT $7
    ) AS shared
    WHERE m.user_id = $1
        AND m.role = ANY ($3::text[])
        AND m.team_id = coalesce($2, m.team_id)
    ORDER BY id DESC
    LIMIT $7
)
SELECT
    (SELECT kb.id FROM knowledge_bases kb WHERE kb.instance_id = i.id) AS knowledge_base_id,
    i.id, i.bot_id, i.agent_version, i.user_id, i.team_id, i.title, i.user_config, i.pipeline_config, i.status,
    i.status_reason, i.desired_state, i.revision, i.owner_replica, i.owner_epoch, i.attempts, i.deadline_at,
    i.created_at, i.updated_at, i.deleted_at
FROM instances i
WHERE i.id = ANY (ARRAY(SELECT id FROM found))
ORDER BY i.id DESC
