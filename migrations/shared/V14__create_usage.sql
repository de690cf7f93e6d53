-- Why: how much a user may have is decided in the transaction that adds to it, under a lock on one row of that user's: counting
-- the rows themselves would let two transactions at the last free slot both find it free. The counts are kept by triggers,
-- so that they are true for writers by plain SQL, too. Other things that are limited become further columns.
SET LOCAL lock_timeout = '5s';

CREATE TABLE usage (
    user_id uuid PRIMARY KEY,
    -- Instances that are not deleted; those that are stopped count.
    instances bigint NOT NULL DEFAULT 0,
    -- NULL: what the configuration gives to everybody.
    instances_max bigint CONSTRAINT usage_instances_max_check CHECK (instances_max >= 0)
-- Every creation changes one row: room on its page keeps that out of the index.
) WITH (fillfactor = 50);

-- Once for a statement, however many rows it makes; in the order of users, as whoever locks several does.
CREATE FUNCTION count_made_instances() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.usage AS u (user_id, instances)
    SELECT made.user_id, count(*) FROM made GROUP BY made.user_id ORDER BY made.user_id
    ON CONFLICT (user_id) DO UPDATE SET instances = u.instances + EXCLUDED.instances;
    RETURN NULL;
END
$$;

-- For each row, because the condition is cheap and nearly always false: a transition table would be filled for every status.
CREATE FUNCTION count_deleted_instance() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE public.usage SET instances = instances - 1 WHERE user_id = OLD.user_id;
    RETURN NULL;
END
$$;

CREATE TRIGGER instances_count_made AFTER INSERT ON instances
REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION count_made_instances();
CREATE TRIGGER instances_count_tombstone AFTER UPDATE ON instances
FOR EACH ROW WHEN (OLD.deleted_at IS NULL AND NEW.deleted_at IS NOT NULL) EXECUTE FUNCTION count_deleted_instance();
CREATE TRIGGER instances_count_delete AFTER DELETE ON instances
FOR EACH ROW WHEN (OLD.deleted_at IS NULL) EXECUTE FUNCTION count_deleted_instance();

-- Nobody writes in between: to make the triggers has locked the table.
INSERT INTO usage (user_id, instances)
SELECT user_id, count(*) FROM instances WHERE deleted_at IS NULL GROUP BY user_id;

GRANT SELECT, INSERT, UPDATE, DELETE ON usage TO botberi;
