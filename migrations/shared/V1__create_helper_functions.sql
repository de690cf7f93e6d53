-- Why: rows made by plain SQL need the same kind of id as those made by the platform (UUIDv7, which Postgres 15 cannot
-- make), and times inside events must read the same whatever the writer's time zone is.
SET LOCAL lock_timeout = '5s';

-- 48 bits of Unix milliseconds, the version digit, and the random tail of a version 4 UUID (which has the right variant).
CREATE FUNCTION uuid_v7() RETURNS uuid
LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
    SELECT (
        lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0')
        || '7' || substr(gen_random_uuid()::text, 16)
    )::uuid
$$;

-- RFC 3339 in UTC with microseconds; NULL stays NULL.
CREATE FUNCTION utc_text(moment timestamptz) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;

GRANT EXECUTE ON FUNCTION uuid_v7(), utc_text(timestamptz) TO botberi;
