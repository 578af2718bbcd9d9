select topic_partition, next_offset, generation from inbound where topic = $1
