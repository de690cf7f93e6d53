-- Only under the mark that was there all the time while it was looked whether anything belongs to it.
WITH target AS (
    SELECT target.id AS target_team, coalesce(target.closing_origin, '{"actor_kind": "nobody"}') AS wished_by
    FROM teams target
    WHERE target.id = $1 AND target.closing_at = $2 AND target.deleted_at IS NULL
    FOR NO KEY UPDATE
), gone AS (
    UPDATE teams
    SET deleted_at = clock_timestamp(), closing_origin = NULL
    FROM target
    WHERE id = target_team
    RETURNING id
), audited AS (
    INSERT INTO audit_entries (origin, action, target_kind, target_id, team_id)
    SELECT wished_by, 'team.delete', 'team', gone.id::text, gone.id
    FROM gone, target
)
SELECT id FROM gone
