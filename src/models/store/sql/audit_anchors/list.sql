SELECT seq, hash
FROM audit_anchors
WHERE seq > $1 AND seq <= $2
ORDER BY seq
