-- What was begun and not finished counts for nothing.
UPDATE knowledge_base_entries e
SET status = 'queued', status_reason = $4, due_at = clock_timestamp() + $5::bigint * interval '1 millisecond', attempts = greatest(e.attempts - 1, 0),
    owner_replica = NULL, owner_epoch = e.owner_epoch + 1, deadline_at = NULL
WHERE e.id = $1 AND e.owner_replica = $2 AND e.owner_epoch = $3 AND e.status = 'processing'
