SELECT pg_try_advisory_lock(publisher_leader_key()) AS is_leader
