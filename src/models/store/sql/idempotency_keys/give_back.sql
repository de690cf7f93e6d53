-- Work that was refused has had no effect: the same key may try again.
DELETE FROM idempotency_keys k
USING unnest($1::uuid[], $3::text[]) AS refused (refused_owner, refused_key)
WHERE k.owner_id = refused_owner AND k.route = $2 AND k.key = refused_key
