SELECT pg_advisory_unlock(publisher_awake_key()) AS was_awake
