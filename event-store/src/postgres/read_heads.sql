-- One statement, so that all heads are of one moment. A log has a head for each partition from 0 on.
select position, epoch, generation, writer, last_batch
from guerdon_log.partition_head
order by partition
