-- Whoever writes vectors of one knowledge base does so after whoever did before has committed: see `knowledge_base_vectors.id`.
SELECT pg_advisory_xact_lock(hashtextextended('knowledge_base_vectors ' || $1::uuid, 0))
