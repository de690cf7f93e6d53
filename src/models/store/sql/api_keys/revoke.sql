WITH revoked AS (
    UPDATE api_keys
    SET revoked_at = clock_timestamp()
    WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL
    RETURNING id, team_id
), audited AS (
    INSERT INTO audit_entries (origin, action, target_kind, target_id, team_id)
    SELECT $3::jsonb, 'api_key.revoke', 'api_key', revoked.id::text, revoked.team_id
    FROM revoked
)
SELECT id FROM revoked
