-- Why: what is old is taken away in small batches, which find it by an index. The event log needs none: its positions rise with
-- time, so its old rows are those at its beginning.
SET LOCAL lock_timeout = '5s';

CREATE INDEX dead_letters_by_age ON dead_letters (created_at);
CREATE INDEX dead_letters_handled ON dead_letters (handled_at) WHERE handled_at IS NOT NULL;
CREATE INDEX event_replays_finished ON event_replays (finished_at) WHERE finished_at IS NOT NULL;

-- Advisory-lock key, repeated in src/models/store/keys.rs: held during a batch, so that one replica deletes at a time.
CREATE FUNCTION retention_key() RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT 4202010004::bigint $$;
