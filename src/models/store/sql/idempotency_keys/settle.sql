UPDATE idempotency_keys k
SET answer = settled_answer
FROM unnest($1::uuid[], $3::text[], $4::json[]) AS settled (settled_owner, settled_key, settled_answer)
WHERE k.owner_id = settled_owner AND k.route = $2 AND k.key = settled_key
