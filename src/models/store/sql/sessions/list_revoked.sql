-- One snapshot: every transaction before `horizon` is over, and what it revoked is among the rows of this look or of an
-- earlier one that began where the one before it ended. There is one row at least, with nulls where nothing was revoked.
-- By `sessions_by_revocation`: no index can be read by a clock that ticks while it is read. Somewhat past the end of the
-- tokens, for the clocks of those who verify them differ from this one.
SELECT horizon.number AS horizon, sessions.id, sessions.user_id, sessions.access_until
FROM (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS number) AS horizon
LEFT JOIN sessions ON sessions.revoked_in >= $1 AND sessions.access_until > clock_timestamp() - interval '60 s'
