SELECT kb.id, kb.instance_id, kb.created_at, i.user_id
FROM instances i JOIN knowledge_bases kb ON kb.instance_id = i.id
WHERE i.id = $1 AND i.deleted_at IS NULL
    AND CASE
        WHEN i.team_id IS NULL THEN i.user_id = $2 AND $3::uuid IS NULL
        ELSE i.team_id = coalesce($3, i.team_id) AND EXISTS (
            SELECT FROM team_members m WHERE m.team_id = i.team_id AND m.user_id = $2 AND m.role = ANY ($4::text[])
        )
    END
