-- The lock, not the stored pid, says whose backend to end: a pid may have been given to somebody else since. A session
-- that has just taken the lock and not beaten yet is busy, so it is left alone.
SELECT count(pg_terminate_backend(l.pid)) AS ended
FROM publisher_state s
JOIN pg_locks l ON l.locktype = 'advisory'
    AND l.granted
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND (l.classid::bigint << 32 | l.objid::bigint) = publisher_leader_key()
    AND l.objsubid = 1
JOIN pg_stat_activity a ON a.pid = l.pid AND a.pid <> pg_backend_pid()
WHERE s.singleton
    AND coalesce(s.beat_at, '-infinity') + $1::bigint * interval '1 millisecond' < clock_timestamp()
    AND a.state_change + $1::bigint * interval '1 millisecond' < clock_timestamp()
