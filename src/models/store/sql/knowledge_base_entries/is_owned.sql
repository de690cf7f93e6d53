SELECT EXISTS (
    SELECT FROM knowledge_base_entries
    WHERE id = $1 AND owner_replica = $2 AND owner_epoch = $3 AND status = 'processing'
        -- Nobody waits for what is behind a tombstone.
        AND (
            SELECT (SELECT i.deleted_at IS NULL FROM instances i WHERE i.id = kb.instance_id)
            FROM knowledge_bases kb
            WHERE kb.id = knowledge_base_id
        )
) AS is_owned
