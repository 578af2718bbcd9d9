insert into inbound (topic, topic_partition, next_offset, generation)
values ($1, $2, $3, $4)
on conflict (topic, topic_partition) do update set
    next_offset = excluded.next_offset,
    generation = excluded.generation
