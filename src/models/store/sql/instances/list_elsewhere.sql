-- Of those that could not be claimed: who has them and lives, and up to which revision that one knows them.
SELECT i.id, i.owner_replica, i.revision, i.observed_revision
FROM instances i
JOIN replicas r ON r.id = i.owner_replica
WHERE i.id = ANY ($2::uuid[]) AND i.owner_replica <> $1 AND NOT replica_is_stale(r.beat_at, r.lease_ms)
