SELECT pg_try_advisory_xact_lock(audit_seal_key()) AS is_mine
