-- Compare-and-set; the epoch grows, so that what the former owner still sends changes nothing.
WITH given_up AS (
    SELECT i.id
    FROM unnest($2::uuid[], $3::bigint[]) AS given_up (held_id, held_epoch) JOIN instances i ON i.id = held_id
    WHERE i.id = ANY ($2::uuid[])
        AND i.owner_replica = $1 AND i.owner_epoch = held_epoch
    ORDER BY i.id
    FOR NO KEY UPDATE OF i SKIP LOCKED
)
UPDATE instances i
SET owner_replica = NULL, owner_epoch = i.owner_epoch + 1, deadline_at = NULL
WHERE i.id = ANY (ARRAY(SELECT given_up.id FROM given_up))
RETURNING i.id
