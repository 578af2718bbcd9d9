insert into lane
    (lane, feed, topic, topic_partition, place, sequence, message_id, digest, blocked_why, is_lost)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
on conflict (lane) do update set
    topic = excluded.topic,
    topic_partition = excluded.topic_partition,
    place = excluded.place,
    sequence = excluded.sequence,
    message_id = excluded.message_id,
    digest = excluded.digest,
    blocked_why = excluded.blocked_why,
    is_lost = excluded.is_lost
