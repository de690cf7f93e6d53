SELECT fingerprint, answer
FROM idempotency_keys
WHERE owner_id = $1 AND route = $2 AND key = $3
