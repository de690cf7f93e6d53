SELECT
    l.id, l.occurred_at, l.actor_kind, l.actor_id, l.actor_name, l.credential_id, l.address, l.action, l.target_kind, l.target_id,
    l.team_id, l.outcome, l.count, l.request_id, l.traceparent, l.detail::text AS detail
FROM audit_log l
WHERE l.id < $1 AND l.id >= $2
    AND l.target_id = $8
    AND l.actor_id IS NOT DISTINCT FROM coalesce($9, l.actor_id)
    AND l.action = coalesce($3, l.action)
    AND l.outcome = coalesce($4, l.outcome)
    AND l.occurred_at >= coalesce($5::timestamptz, '-infinity')
    AND l.occurred_at < coalesce($6::timestamptz, 'infinity')
ORDER BY l.id DESC
LIMIT $7
