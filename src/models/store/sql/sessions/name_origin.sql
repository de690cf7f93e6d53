-- For the rest of the transaction: its events name the request that they followed from.
SELECT
    set_config('botberi.request_id', coalesce($1::text, ''), true),
    set_config('botberi.traceparent', coalesce($2::text, ''), true)
