-- Limits of a user's own: what is named ($2) gets them; null takes one away, and what holds for everybody holds again.
WITH wished AS (
    SELECT $2::text[] AS names
), before AS (
    SELECT u.instances_max, u.knowledge_entries_max, u.knowledge_bytes_max FROM usage u WHERE u.user_id = $1 FOR NO KEY UPDATE
), changed AS (
    INSERT INTO usage AS u (user_id, instances_max, knowledge_entries_max, knowledge_bytes_max)
    SELECT $1, $3, $4, $5 FROM wished
    ON CONFLICT (user_id) DO UPDATE SET
        instances_max = CASE WHEN 'instances_max' = ANY ($2) THEN EXCLUDED.instances_max ELSE u.instances_max END,
        knowledge_entries_max =
            CASE WHEN 'knowledge_entries_max' = ANY ($2) THEN EXCLUDED.knowledge_entries_max ELSE u.knowledge_entries_max END,
        knowledge_bytes_max =
            CASE WHEN 'knowledge_bytes_max' = ANY ($2) THEN EXCLUDED.knowledge_bytes_max ELSE u.knowledge_bytes_max END
    RETURNING u.user_id, u.instances_max, u.knowledge_entries_max, u.knowledge_bytes_max
)
INSERT INTO audit_entries (origin, action, target_kind, target_id, detail)
SELECT $6::jsonb, 'user.quota.change', 'user', changed.user_id::text, json_strip_nulls(json_build_object(
    'fields', $2,
    'instances_max', changed.instances_max, 'knowledge_entries_max', changed.knowledge_entries_max,
    'knowledge_bytes_max', changed.knowledge_bytes_max
))
FROM changed
WHERE (changed.instances_max, changed.knowledge_entries_max, changed.knowledge_bytes_max)
    IS DISTINCT FROM (SELECT (b.instances_max, b.knowledge_entries_max, b.knowledge_bytes_max) FROM before b)
