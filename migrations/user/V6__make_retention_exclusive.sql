-- Why: what is old is taken away in small batches by one replica at a time. The key is repeated in src/models/store/keys.rs.
SET LOCAL lock_timeout = '5s';

CREATE FUNCTION retention_key() RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT 4202010004::bigint $$;
