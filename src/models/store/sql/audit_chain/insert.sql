INSERT INTO audit_chain (seq, audit_id, prev_hash, hash)
SELECT seq, audit_id, prev_hash, hash
FROM unnest($1::bigint[], $2::uuid[], $3::bytea[], $4::bytea[]) AS link (seq, audit_id, prev_hash, hash)
