-- From `failed` and `stopped` it begins anew. A stop that has not happened yet is called off. Else nothing changes.
UPDATE instances i
SET desired_state = 'running',
    request_id = $5,
    traceparent = $6,
    status = CASE WHEN i.status IN ('failed', 'stopped') THEN 'pending' ELSE i.status END,
    status_reason = CASE WHEN i.status IN ('failed', 'stopped') THEN NULL ELSE i.status_reason END,
    attempts = CASE WHEN i.status IN ('failed', 'stopped') THEN 0 ELSE i.attempts END,
    deadline_at = CASE WHEN i.status IN ('failed', 'stopped') THEN NULL ELSE i.deadline_at END
WHERE i.id = $1 AND i.deleted_at IS NULL
    AND CASE
        WHEN i.team_id IS NULL THEN i.user_id = $2 AND $3::uuid IS NULL
        ELSE i.team_id = coalesce($3, i.team_id) AND EXISTS (
            SELECT FROM team_members m WHERE m.team_id = i.team_id AND m.user_id = $2 AND m.role = ANY ($4::text[])
        )
    END
RETURNING
    (SELECT kb.id FROM knowledge_bases kb WHERE kb.instance_id = i.id) AS knowledge_base_id,
    i.id, i.bot_id, i.agent_version, i.user_id, i.team_id, i.title, i.user_config, i.pipeline_config, i.status,
    i.status_reason, i.desired_state, i.revision, i.owner_replica, i.owner_epoch, i.attempts, i.deadline_at,
    i.created_at, i.updated_at, i.deleted_at
