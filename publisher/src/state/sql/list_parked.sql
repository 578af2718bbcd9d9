-- The beginnings of keys and bodies: a page of whole ones could have hundreds of megabytes.
select parked_id, topic, topic_partition, topic_offset, substr(message_key, 1, cast($3 as integer)) as message_key,
    substr(body, 1, cast($3 as integer)) as body, cast(length(body) as bigint) as body_bytes, traceparent, code,
    reason, parked_at
from parked
where parked_id > $1
order by parked_id
limit $2
