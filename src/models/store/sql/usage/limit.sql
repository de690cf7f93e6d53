-- A limit of a user's own; null takes it away, and what holds for everybody holds again.
INSERT INTO usage (user_id, instances_max)
VALUES ($1, $2)
ON CONFLICT (user_id) DO UPDATE SET instances_max = EXCLUDED.instances_max
