UPDATE knowledge_base_embeddings
SET due_at = clock_timestamp() + $3::bigint * interval '1 millisecond', reason = $4
WHERE entry_id = $1 AND round = $2
