SELECT pg_try_advisory_xact_lock(user_relay_key()) AS is_mine
