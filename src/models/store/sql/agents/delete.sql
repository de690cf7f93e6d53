-- Refused by instances_agent_version_fkey while an instance was made from it.
DELETE FROM agents
WHERE id = $1 AND revision = coalesce($2::bigint, revision)
