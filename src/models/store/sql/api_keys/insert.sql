-- Nothing, where the user has as many already. Those that ended by themselves within the hour count, too: as long as somebody may
-- have to be told of them. One that is replaced makes room for the next.
WITH made AS (
    INSERT INTO api_keys (id, user_id, team_id, name, prefix, key_hash, permissions, expires_at)
    SELECT $1, $2, $3, $4, $5, $6, $7, $8
    WHERE (
        SELECT count(*) FROM api_keys
        WHERE user_id = $2
            AND revoked_at IS NULL
            AND id IS DISTINCT FROM $11
            AND (expires_at IS NULL OR expires_at > clock_timestamp() - interval '1 hour')
    ) < $9::bigint
    RETURNING id, user_id, team_id, name, prefix, permissions, created_at, expires_at, last_used_at, replaced_by
), audited AS (
    INSERT INTO audit_entries (origin, action, target_kind, target_id, team_id, detail)
    SELECT
        $10::jsonb, CASE WHEN $11::uuid IS NULL THEN 'api_key.create' ELSE 'api_key.rotate' END, 'api_key', made.id::text,
        made.team_id, json_strip_nulls(json_build_object('permissions', made.permissions, 'replaces', $11::uuid))
    FROM made
)
SELECT id, user_id, team_id, name, prefix, permissions, created_at, expires_at, last_used_at, replaced_by
FROM made
