-- Before a deletion, whose event takes from the row what it followed from.
UPDATE agents
SET request_id = $2, traceparent = $3
WHERE id = $1
