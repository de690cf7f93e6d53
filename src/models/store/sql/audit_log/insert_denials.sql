-- One row for each count; the request is the first that was denied.
INSERT INTO audit_log
    (actor_kind, actor_id, credential_id, address, action, target_kind, target_id, outcome, count, request_id, detail)
SELECT
    actor_kind, actor_id, credential_id, address, 'request.deny', 'route', route, 'denied', number, request_id,
    json_build_object('code', code, 'first_at', utc_text(first_at), 'last_at', utc_text(last_at))
FROM unnest(
    $1::text[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::timestamptz[],
    $9::timestamptz[], $10::text[]
) AS denied (actor_kind, actor_id, credential_id, address, route, code, number, first_at, last_at, request_id)
