INSERT INTO audit_anchors (seq, hash)
VALUES ($1, $2)
ON CONFLICT (seq) DO NOTHING
