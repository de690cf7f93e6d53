-- For administrators: everybody's.
SELECT
    (SELECT kb.id FROM knowledge_bases kb WHERE kb.instance_id = i.id) AS knowledge_base_id,
    i.id, i.bot_id, i.agent_version, i.user_id, i.team_id, i.title, i.user_config, i.pipeline_config, i.status,
    i.status_reason, i.desired_state, i.revision, i.owner_replica, i.owner_epoch, i.attempts, i.deadline_at,
    i.created_at, i.updated_at, i.deleted_at
FROM instances i
WHERE i.deleted_at IS NULL
    AND i.id < coalesce($1, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
    AND i.status = coalesce($2, i.status)
    AND i.bot_id = coalesce($3, i.bot_id)
ORDER BY i.id DESC
LIMIT $4
