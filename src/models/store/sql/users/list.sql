-- For administrators: everybody's, closed ones included, which nobody can open again.
SELECT id, username, email, role, disabled_at, created_at, updated_at
FROM users
WHERE id < coalesce($1, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
    AND role = coalesce($2, role)
    AND ($3::boolean IS NULL OR (disabled_at IS NOT NULL) = $3)
ORDER BY id DESC
LIMIT $4
