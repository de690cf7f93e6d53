-- The words are folded once; every one of them must be in the text. Without words nothing is left out.
SELECT id, title, content, activation_code, rate, version, status, revision, created_at, updated_at
FROM agents
WHERE id < coalesce($1, 2147483647)
    AND status = coalesce($2, status)
    AND category IS NOT DISTINCT FROM coalesce(search_fold($3), category)
    AND NOT EXISTS (
        SELECT
        FROM unnest((SELECT array_agg(search_fold(raw)) FROM unnest($4::text[]) AS raw)) AS word
        WHERE strpos(search_text, word) = 0
    )
ORDER BY id DESC
LIMIT $5
