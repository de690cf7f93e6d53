-- Waits for whoever is doing the same work just now. Gives the keys that are the caller's to work under; the others belong to
-- work that is done. A key whose time is over is as good as none, also while nobody has taken it away.
INSERT INTO idempotency_keys AS k (owner_id, route, key, fingerprint)
SELECT claim_owner, $2, claim_key, claim_fingerprint
FROM unnest($1::uuid[], $3::text[], $4::bytea[]) AS claim (claim_owner, claim_key, claim_fingerprint)
ORDER BY claim_owner, claim_key
ON CONFLICT (owner_id, route, key) DO UPDATE
SET fingerprint = EXCLUDED.fingerprint, answer = NULL, created_at = clock_timestamp()
WHERE k.created_at < clock_timestamp() - interval '24 hours'
RETURNING k.owner_id, k.key
