WITH made AS (
    INSERT INTO teams (id, name)
    VALUES ($1, $2)
    RETURNING id
), owner AS (
    INSERT INTO team_members (team_id, user_id, role)
    SELECT made.id, $3, 'owner'
    FROM made
), audited AS (
    INSERT INTO audit_entries (origin, action, target_kind, target_id, team_id)
    SELECT $4::jsonb, 'team.create', 'team', made.id::text, made.id
    FROM made
)
SELECT id FROM made
