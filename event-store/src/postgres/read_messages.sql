-- The event's columns stand where they do in read_events.sql. No event: it is in the archive, or the
-- index is wrong.
select
    message.number, event.position, event.generation, event.type, event.version,
    event.recorded_at, event.account_id, event.public, event.private, event.private_hash,
    event.checksum, message.position as indexed
from (
    select number, position
    from guerdon_log.message
    where source = $1 and destination = $2 and number >= $3
    order by number
    limit $4
) as message
left join lateral (
    select *
    from guerdon_log.event
    where event.partition = $1 and event.position = message.position
    -- It keeps the planner at one event by its key for each message.
    offset 0
) as event on true
order by message.number
