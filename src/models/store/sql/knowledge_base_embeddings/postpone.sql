UPDATE knowledge_base_embeddings
SET due_at = clock_timestamp() + $2::bigint * interval '1 millisecond', reason = $3
WHERE entry_id = $1
