WITH gone AS (
    DELETE FROM team_members
    WHERE team_id = $1 AND user_id = $2
    RETURNING team_id, user_id, role
), audited AS (
    INSERT INTO audit_entries (origin, action, target_kind, target_id, team_id, detail)
    SELECT
        $3::jsonb, 'team.member.remove', 'team_member', gone.user_id::text, gone.team_id,
        json_build_object('role', gone.role)
    FROM gone
)
SELECT user_id FROM gone
