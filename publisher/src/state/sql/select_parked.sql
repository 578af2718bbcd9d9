select parked_id, topic, topic_partition, topic_offset, message_key, body, traceparent, reason,
    parked_at
from parked
where parked_id > $1
order by parked_id
limit $2
