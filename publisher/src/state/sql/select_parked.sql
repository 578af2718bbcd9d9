select parked_id, topic, topic_partition, topic_offset, message_key, body,
    cast(length(body) as bigint) as body_bytes, traceparent, code, reason, parked_at
from parked
where parked_id = $1
