SELECT pg_advisory_lock(publisher_awake_key())
