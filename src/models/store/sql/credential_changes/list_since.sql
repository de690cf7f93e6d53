-- As `sessions/list_revoked`: one snapshot, its horizon, and one row at least. What is older than an hour
-- matters to nobody: replicas remember keys for a minute, and sockets that were opened with one live for less than an hour.
SELECT horizon.number AS horizon, c.id, c.api_key_id, c.user_id
FROM (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS number) AS horizon
LEFT JOIN credential_changes c ON c.changed_in >= $1 AND c.changed_at > clock_timestamp() - interval '1 hour'
