-- As `list_revoked`, for who has seen nothing yet: by the end of the tokens, for most of what is kept is long past it.
SELECT horizon.number AS horizon, sessions.id, sessions.user_id, sessions.access_until
FROM (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS number) AS horizon
LEFT JOIN sessions ON sessions.revoked_in IS NOT NULL AND sessions.access_until > now() - interval '60 s'
