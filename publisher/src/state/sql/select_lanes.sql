select lane, topic, topic_partition, place, sequence, message_id, digest, blocked_why, is_lost
from lane
order by lane
