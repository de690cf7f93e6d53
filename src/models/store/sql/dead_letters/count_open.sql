-- No further than anybody would care.
SELECT count(*) AS open
FROM (SELECT FROM dead_letters WHERE handled_at IS NULL LIMIT 100000) AS unhandled
