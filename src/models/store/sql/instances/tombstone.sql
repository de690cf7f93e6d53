-- Hides the row and tells everybody; whoever owns it tears it down and purges it.
WITH target AS (
    SELECT target.revision AS target_revision
    FROM instances target
    WHERE target.id = $1 AND target.deleted_at IS NULL
        AND CASE
            WHEN target.team_id IS NULL THEN target.user_id = $2 AND $3::uuid IS NULL
            ELSE target.team_id = coalesce($3, target.team_id) AND EXISTS (
                SELECT FROM team_members m WHERE m.team_id = target.team_id AND m.user_id = $2 AND m.role = ANY ($4::text[]) FOR SHARE
            )
        END
    FOR NO KEY UPDATE
), changed AS (
    UPDATE instances i
    SET desired_state = 'deleted',
        deleted_at = clock_timestamp(),
        deadline_at = NULL,
        request_id = $6,
        traceparent = $7,
        acting = event_actor($8::jsonb ->> 'actor_kind', ($8::jsonb ->> 'actor_id')::uuid)
    FROM target
    WHERE i.id = $1 AND target_revision = coalesce($5::bigint, target_revision)
    RETURNING
        (SELECT kb.id FROM knowledge_bases kb WHERE kb.instance_id = i.id) AS knowledge_base_id,
        i.id, i.bot_id, i.agent_version, i.user_id, i.team_id, i.title, i.user_config, i.pipeline_config, i.status,
        i.status_reason, i.desired_state, i.revision, i.owner_replica, i.owner_epoch, i.attempts, i.deadline_at,
        i.created_at, i.updated_at, i.deleted_at
), audited AS (
    INSERT INTO audit_entries (origin, action, target_kind, target_id, team_id)
    SELECT $8::jsonb, 'instance.delete', 'instance', changed.id::text, changed.team_id
    FROM changed
)
SELECT
    changed.knowledge_base_id,
    changed.id, changed.bot_id, changed.agent_version, changed.user_id, changed.team_id, changed.title,
    changed.user_config, changed.pipeline_config, changed.status, changed.status_reason, changed.desired_state,
    changed.revision, changed.owner_replica, changed.owner_epoch, changed.attempts, changed.deadline_at,
    changed.created_at, changed.updated_at, changed.deleted_at
FROM target LEFT JOIN changed ON true
