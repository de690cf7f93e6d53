-- What it still owns, survivors find all the same: an owner without a row is a dead one.
DELETE FROM replicas
WHERE id = $1
