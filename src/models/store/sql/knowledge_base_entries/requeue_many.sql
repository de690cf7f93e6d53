-- What is under way comes to its end as it is. In the order of ids, as whoever locks several does; no more than so many.
WITH target AS (
    SELECT e.id
    FROM knowledge_base_entries e
    WHERE e.knowledge_base_id = $1
        AND e.status IN ('ready', 'failed')
        AND e.status = coalesce($3, e.status)
        AND e.data_type = coalesce($4, e.data_type)
        AND e.lang_hint = coalesce($5, e.lang_hint)
        AND e.id > $10
    ORDER BY e.id
    LIMIT $6
    FOR NO KEY UPDATE
), changed AS (
    UPDATE knowledge_base_entries e
    SET status = 'queued', status_reason = NULL, attempts = 0, due_at = clock_timestamp(), owner_replica = NULL,
        owner_epoch = e.owner_epoch + 1, deadline_at = NULL, is_forced = true, request_id = $7, traceparent = $8
    WHERE e.id = ANY (ARRAY(SELECT target.id FROM target))
    RETURNING e.id
), audited AS (
    INSERT INTO audit_entries (origin, action, target_kind, target_id, team_id, detail)
    SELECT $9::jsonb, 'knowledge.reindex', 'knowledge_base', $1::text, i.team_id,
        json_build_object('entries', (SELECT count(*) FROM changed))
    FROM instances i
    WHERE i.id = $2 AND EXISTS (SELECT FROM changed)
)
SELECT count(*) AS queued, max(changed.id::text)::uuid AS last FROM changed
