-- Why: a dead letter is sent again to the queue that it died in, or put away, by an administrator. The wish is written into the
-- row, so that no kill loses it; who wished what, and what became of it, stays with the letter.
SET LOCAL lock_timeout = '5s';

ALTER TABLE dead_letters
    -- The message's properties and headers as they were, in a form that gives the same message again; the column `headers` is
    -- for people.
    ADD COLUMN envelope bytea NOT NULL DEFAULT '',
    -- The length of the body that came, of which `body` may be the beginning.
    ADD COLUMN body_bytes bigint NOT NULL DEFAULT 0,
    -- Why it cannot be sent again; NULL: it can.
    ADD COLUMN obstacle text,
    -- Which death it was: the same death may be told twice, another one opens the letter anew.
    ADD COLUMN death text NOT NULL DEFAULT '',
    ADD COLUMN deaths integer NOT NULL DEFAULT 1,
    ADD COLUMN died_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ADD COLUMN redrives integer NOT NULL DEFAULT 0,
    -- The wish; it is there as long as it is not carried out.
    ADD COLUMN wished_at timestamptz,
    ADD COLUMN wished_by uuid,
    ADD COLUMN wish_request_id text,
    ADD COLUMN outcome text CONSTRAINT dead_letters_outcome_check CHECK (outcome IN ('redriven', 'discarded')),
    ADD COLUMN last_error text,
    ADD COLUMN history jsonb NOT NULL DEFAULT '[]';

UPDATE dead_letters
SET body_bytes = octet_length(body),
    died_at = created_at,
    obstacle = 'it was kept by a release that did not keep the properties of messages',
    outcome = CASE WHEN handled_at IS NOT NULL THEN 'discarded' END;

ALTER TABLE dead_letters
    ADD CONSTRAINT dead_letters_end_check
    CHECK ((handled_at IS NULL) = (outcome IS NULL) AND (handled_at IS NULL OR wished_at IS NULL)),
    ADD CONSTRAINT dead_letters_wish_check
    CHECK (wished_at IS NULL OR obstacle IS NULL);

CREATE INDEX dead_letters_open ON dead_letters (id) WHERE handled_at IS NULL;
CREATE INDEX dead_letters_wished ON dead_letters (wished_at) WHERE wished_at IS NOT NULL;
-- A letter that has died again is as old as its last death.
DROP INDEX dead_letters_by_age;
CREATE INDEX dead_letters_by_age ON dead_letters (died_at);

-- The history with one step more. The first step stays; of the others the last 49.
CREATE FUNCTION dead_letter_history(history jsonb, step text, reason text, by_user uuid, by_request text) RETURNS jsonb
LANGUAGE sql AS $$
    SELECT CASE WHEN jsonb_array_length(history) >= 50 THEN history - 1 ELSE history END
        || jsonb_build_array(jsonb_strip_nulls(jsonb_build_object(
            'at', public.utc_text(clock_timestamp()), 'step', step, 'reason', reason, 'by', by_user, 'request_id', by_request
        )))
$$;

-- Wishes are few, so this NOTIFY may hold up commits. The channel is repeated in src/models/store/keys.rs.
CREATE FUNCTION ring_for_redrive() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('redrives_wished', '');
    RETURN NULL;
END
$$;

CREATE TRIGGER dead_letters_ring AFTER UPDATE OF wished_at ON dead_letters
FOR EACH ROW WHEN (NEW.wished_at IS NOT NULL AND OLD.wished_at IS DISTINCT FROM NEW.wished_at)
EXECUTE FUNCTION ring_for_redrive();
