-- Why: a change of a running instance that its owner was never told of must be found, or it would be lost: status and wish
-- agree, so no other sweep looks at the row. The owner notes in its claims and moves up to which revision it knows the row
-- (Kubernetes: `observedGeneration`). Like owner and epoch it is nobody's business outside: no revision, no event. NULL: a
-- release that does not know the column wrote last, or nobody has claimed it yet; such a row is not looked for.
SET LOCAL lock_timeout = '5s';

ALTER TABLE instances ADD COLUMN observed_revision bigint;

-- What an owner has missed. All but empty: a row is in it between a change and its owner's next claim.
CREATE INDEX instances_unobserved ON instances (owner_replica)
    WHERE status = 'running' AND desired_state = 'running' AND revision > observed_revision;
