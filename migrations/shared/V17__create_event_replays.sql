-- Why: a window of the event log may be published once more on an administrator's wish. That takes minutes and longer, so the
-- wish is a row: whichever broker replica is alive carries it out, and goes on after another one that died.
SET LOCAL lock_timeout = '5s';

CREATE TABLE event_replays (
    id uuid PRIMARY KEY,
    from_position bigint NOT NULL,
    to_position bigint NOT NULL,
    -- A topic pattern; null for every event.
    routing_key text,
    requested_by uuid NOT NULL,
    -- The last position that was dealt with.
    position bigint NOT NULL,
    events_sent bigint NOT NULL DEFAULT 0,
    -- Why it does not get on at present.
    last_error text,
    -- Who carries it out, and until when others keep their hands off; by the database's clock.
    runner uuid,
    runner_until timestamptz,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz,
    outcome text CONSTRAINT event_replays_outcome_check CHECK (outcome IN ('done', 'cancelled')),
    -- True, then null: the unique constraint lets one be open at a time.
    is_open boolean DEFAULT true CONSTRAINT event_replays_is_open_key UNIQUE,
    CONSTRAINT event_replays_window_check CHECK (
        0 < from_position AND from_position <= to_position AND position BETWEEN from_position - 1 AND to_position
    ),
    CONSTRAINT event_replays_end_check CHECK (
        (is_open IS NULL) = (finished_at IS NOT NULL) AND (is_open IS NULL) = (outcome IS NOT NULL) AND is_open IS NOT false
    )
) WITH (fillfactor = 50);

GRANT SELECT, INSERT, UPDATE, DELETE ON event_replays TO botberi;
