-- Refused by instances_agent_version_fkey while an instance was made from it.
WITH gone AS (
    DELETE FROM agents
    WHERE id = $1 AND revision = coalesce($2::bigint, revision)
    RETURNING id
)
INSERT INTO audit_entries (origin, action, target_kind, target_id)
SELECT $3::jsonb, 'agent.delete', 'agent', gone.id::text
FROM gone
