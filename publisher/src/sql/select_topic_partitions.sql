select topic, topic_partition, topic_offset from topic_partition
