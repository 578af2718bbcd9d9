-- As read_events.sql, without the private texts. The head and the events of one moment: one statement sees
-- one snapshot. Without events there is one row, of the head alone.
select
    head.position as head, event.position, event.generation, event.type, event.version,
    event.recorded_at, event.account_id, event.public, event.private_hash, event.checksum
from guerdon_log.partition_head as head
left join lateral (
    select *
    from guerdon_log.event
    where event.partition = $1 and event.position > $2 and event.position <= $2 + $3
    order by event.position
) as event on true
where head.partition = $1
