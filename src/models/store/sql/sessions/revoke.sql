WITH ended AS (
    UPDATE sessions
    SET revoked_at = clock_timestamp()
    WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL
    RETURNING id, user_id, access_until
), audited AS (
    INSERT INTO audit_entries (origin, action, target_kind, target_id, detail)
    SELECT $3::jsonb, 'session.end', 'session', ended.id::text, json_build_object('reason', $4::text)
    FROM ended
)
SELECT id, user_id, access_until
FROM ended
