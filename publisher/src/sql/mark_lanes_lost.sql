-- A partition's lanes have to go back, unless its loss was written down before.
update lane set is_lost = 1
where topic = $1 and topic_partition = $2 and place > 0
    and exists (
        select 1
        from topic_partition as kept
        where kept.topic = $1 and kept.topic_partition = $2 and kept.losses < $3
    )
