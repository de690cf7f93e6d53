-- A limit of a user's own; null takes it away, and what holds for everybody holds again.
WITH changed AS (
    INSERT INTO usage AS u (user_id, instances_max)
    VALUES ($1, $2)
    ON CONFLICT (user_id) DO UPDATE SET instances_max = EXCLUDED.instances_max
    WHERE u.instances_max IS DISTINCT FROM EXCLUDED.instances_max
    RETURNING u.user_id, u.instances_max
)
INSERT INTO audit_entries (origin, action, target_kind, target_id, detail)
SELECT $3::jsonb, 'user.quota.change', 'user', changed.user_id::text, json_build_object('instances_max', changed.instances_max)
FROM changed
