-- Those of another model, so many at a time. One that has got the vectors of this one meanwhile is looked at once more, in vain.
UPDATE knowledge_base_embeddings w
SET is_waiting = true, due_at = clock_timestamp(), reason = NULL
WHERE w.entry_id = ANY (ARRAY(
    (
        SELECT before.entry_id FROM knowledge_base_embeddings before
        WHERE NOT before.is_waiting AND before.model < $1 ORDER BY before.model, before.entry_id LIMIT $2
    )
    UNION ALL
    (
        SELECT behind.entry_id FROM knowledge_base_embeddings behind
        WHERE NOT behind.is_waiting AND behind.model > $1 ORDER BY behind.model, behind.entry_id LIMIT $2
    )
))
