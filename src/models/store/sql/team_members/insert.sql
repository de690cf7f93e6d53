WITH added AS (
    INSERT INTO team_members (team_id, user_id, role)
    VALUES ($1, $2, $3)
    RETURNING team_id, user_id, role
), audited AS (
    INSERT INTO audit_entries (origin, action, target_kind, target_id, team_id, detail)
    SELECT
        $4::jsonb, 'team.member.add', 'team_member', added.user_id::text, added.team_id,
        json_build_object('role', added.role)
    FROM added
)
SELECT user_id FROM added
