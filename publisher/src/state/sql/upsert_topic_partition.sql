insert into topic_partition (topic, topic_partition, topic_offset, losses)
values ($1, $2, $3, $4)
on conflict (topic, topic_partition) do update set
    topic_offset = excluded.topic_offset,
    losses = excluded.losses
