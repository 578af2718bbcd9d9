-- Marks the lanes of a partition that lost messages, unless this loss was stored before.
update lane set is_lost = 1
where topic = $1 and topic_partition = $2 and place > 0
    and exists (
        select 1
        from topic_partition as kept
        where kept.topic = $1 and kept.topic_partition = $2 and kept.losses < $3
    )
