UPDATE audit_sealing
SET sealed = $1::text::pg_snapshot
WHERE singleton
