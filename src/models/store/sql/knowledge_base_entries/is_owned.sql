SELECT EXISTS (
    SELECT FROM knowledge_base_entries
    WHERE id = $1 AND owner_replica = $2 AND owner_epoch = $3 AND status = 'processing'
) AS is_owned
