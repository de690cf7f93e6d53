SELECT count(*) AS waiting, max(reason) AS reason FROM knowledge_base_embeddings WHERE knowledge_base_id = $1 AND is_waiting
