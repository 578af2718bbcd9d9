insert into parked
    (topic, topic_partition, topic_offset, message_key, body, traceparent, code, reason, parked_at,
    digest)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
on conflict (topic, topic_partition, topic_offset, digest) do nothing
