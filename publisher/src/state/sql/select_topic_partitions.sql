select topic, topic_partition, topic_offset, losses from topic_partition
