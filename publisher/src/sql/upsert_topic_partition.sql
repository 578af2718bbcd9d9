insert into topic_partition (topic, topic_partition, topic_offset)
values ($1, $2, $3)
on conflict (topic, topic_partition) do update set topic_offset = excluded.topic_offset
