-- Each link with its row; nulls where the row is gone.
SELECT
    c.seq, c.audit_id, c.prev_hash, c.hash,
    l.id, l.occurred_at, l.actor_kind, l.actor_id, l.actor_name, l.credential_id, l.address, l.action, l.target_kind, l.target_id,
    l.team_id, l.outcome, l.count, l.request_id, l.traceparent, l.detail::text AS detail
FROM audit_chain c LEFT JOIN LATERAL (
    SELECT
        id, occurred_at, actor_kind, actor_id, actor_name, credential_id, address, action, target_kind, target_id, team_id, outcome,
        count, request_id, traceparent, detail
    FROM audit_log WHERE id = c.audit_id OFFSET 0
) AS l ON true
WHERE c.seq > $1
ORDER BY c.seq
LIMIT $2
