-- Why: account events are handed to `shared_psql` by one replica at a time, in their order. The key is repeated in
-- src/models/store/keys.rs; it is held by a transaction, so a replica that was frozen loses it with its transaction.
SET LOCAL lock_timeout = '5s';

CREATE FUNCTION user_relay_key() RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT 4202010005::bigint $$;
