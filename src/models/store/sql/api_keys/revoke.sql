-- Whoever made it, or manages its team.
WITH revoked AS (
    UPDATE api_keys k
    SET revoked_at = clock_timestamp()
    WHERE k.id = $1
        AND k.revoked_at IS NULL
        AND (
            k.user_id = $2
            OR EXISTS (
                SELECT FROM team_members m WHERE m.team_id = k.team_id AND m.user_id = $2 AND m.role = ANY ($4::text[])
            )
        )
    RETURNING k.id, k.team_id
), audited AS (
    INSERT INTO audit_entries (origin, action, target_kind, target_id, team_id)
    SELECT $3::jsonb, 'api_key.revoke', 'api_key', revoked.id::text, revoked.team_id
    FROM revoked
)
SELECT id FROM revoked
