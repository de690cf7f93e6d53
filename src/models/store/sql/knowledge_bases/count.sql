SELECT
    count(*) FILTER (WHERE status = 'queued') AS queued,
    count(*) FILTER (WHERE status = 'processing') AS processing,
    count(*) FILTER (WHERE status = 'ready') AS ready,
    count(*) FILTER (WHERE status = 'failed') AS failed,
    coalesce(sum(bytes), 0)::bigint AS bytes,
    coalesce(sum(chunk_count), 0)::bigint AS chunks
FROM knowledge_base_entries
WHERE knowledge_base_id = $1
