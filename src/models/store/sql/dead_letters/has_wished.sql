SELECT EXISTS (SELECT FROM dead_letters WHERE wished_at IS NOT NULL) AS found
