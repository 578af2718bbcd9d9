delete from topic_partition where topic = $1 and topic_partition >= $2
