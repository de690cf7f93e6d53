-- A row for whoever is a member, whether the role is another one or not.
WITH target AS (
    SELECT target.role AS role_before
    FROM team_members target
    WHERE target.team_id = $1 AND target.user_id = $2
    FOR NO KEY UPDATE
), changed AS (
    UPDATE team_members m
    SET role = $3
    FROM target
    WHERE m.team_id = $1 AND m.user_id = $2 AND role_before <> $3
    RETURNING m.team_id, m.user_id, m.role
), audited AS (
    INSERT INTO audit_entries (origin, action, target_kind, target_id, team_id, detail)
    SELECT
        $4::jsonb, 'team.member.change', 'team_member', changed.user_id::text, changed.team_id,
        json_build_object('role', changed.role)
    FROM changed
)
SELECT role_before FROM target
