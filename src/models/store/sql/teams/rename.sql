WITH changed AS (
    UPDATE teams
    SET name = $2
    WHERE id = $1 AND name <> $2
    RETURNING id
), audited AS (
    INSERT INTO audit_entries (origin, action, target_kind, target_id, team_id, detail)
    SELECT $3::jsonb, 'team.change', 'team', changed.id::text, changed.id, json_build_object('fields', ARRAY['name'])
    FROM changed
)
SELECT id FROM changed
