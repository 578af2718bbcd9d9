-- No event: it is in the archive, or the index is wrong.
select
    event.place, event.generation, event.type, event.version, event.recorded_at, event.account_id,
    event.public, event.private, event.private_hash, event.checksum, message.number, message.position
from message
left join event on event.place = (message.source << 48) + message.position
where message.source = ?1 and message.destination = ?2 and message.number >= ?3
order by message.number
limit ?4
