-- One's own, and those of the teams that one manages, whoever made them.
WITH found AS (
    (
        SELECT own.id
        FROM api_keys own
        WHERE own.user_id = $1 AND own.revoked_at IS NULL AND ($2::uuid IS NULL OR own.id < $2)
        ORDER BY own.id DESC
        LIMIT $3
    )
    UNION
    (
        SELECT k.id
        FROM team_members m
        JOIN api_keys k ON k.team_id = m.team_id
        WHERE m.user_id = $1 AND m.role = ANY ($4::text[]) AND k.revoked_at IS NULL AND ($2::uuid IS NULL OR k.id < $2)
        ORDER BY k.id DESC
        LIMIT $3
    )
)
SELECT
    k.id, k.user_id, k.team_id, k.name, k.prefix, k.permissions, k.created_at, k.expires_at, k.last_used_at, k.replaced_by
FROM found JOIN api_keys k ON k.id = found.id
ORDER BY k.id DESC
LIMIT $3
