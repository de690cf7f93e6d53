-- Its file and its chunks go with it.
WITH gone AS (
    DELETE FROM knowledge_base_entries
    WHERE id = $1 AND knowledge_base_id = $2
    RETURNING id
)
INSERT INTO audit_entries (origin, action, target_kind, target_id, team_id)
SELECT $4::jsonb, 'knowledge.entry.delete', 'knowledge_base_entry', gone.id::text, i.team_id
FROM gone JOIN instances i ON i.id = $3
