-- As `list_unsealed`, for whoever looks often and mostly in vain.
SELECT
    pg_snapshot_xmax(sealed)::text::bigint > pg_snapshot_xmax(pg_current_snapshot())::text::bigint
    OR EXISTS (
        SELECT
        FROM audit_log
        WHERE written_in >= pg_snapshot_xmax(sealed)::text::bigint
            AND written_in < pg_snapshot_xmax(pg_current_snapshot())::text::bigint
    )
    OR EXISTS (
        SELECT
        FROM audit_log
        WHERE written_in = ANY (ARRAY(SELECT number::text::bigint FROM pg_snapshot_xip(sealed) AS number))
    ) AS has_unsealed
FROM audit_sealing
WHERE singleton
