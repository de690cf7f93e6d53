-- Why: what no consumer could digest is kept, with the reason, until a person has looked at it.
SET LOCAL lock_timeout = '5s';

CREATE TABLE dead_letters (
    id uuid PRIMARY KEY DEFAULT uuid_v7(),
    queue text NOT NULL,
    -- text: a poisonous message may carry anything for an id, or nothing (then a digest of its body stands here).
    event_id text NOT NULL,
    routing_key text NOT NULL,
    reason text NOT NULL,
    headers jsonb NOT NULL DEFAULT '{}',
    body bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    handled_at timestamptz,
    -- It may arrive twice: from the handler that gave up, and from the queue of the broker.
    CONSTRAINT dead_letters_queue_event_id_key UNIQUE (queue, event_id)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON dead_letters TO botberi;
