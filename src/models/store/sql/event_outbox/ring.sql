-- In a transaction of its own and with nothing to flush, the lock that NOTIFY takes is held for microseconds.
SELECT pg_notify(
    'instances_notify',
    '{"schema_version":1,"event_type":"insert","table":"event_outbox","row_data":{},"outbox_id":null,"truncated":true}'
)
