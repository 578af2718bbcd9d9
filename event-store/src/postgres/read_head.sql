select position, epoch, generation, writer, last_batch
from guerdon_log.partition_head
where partition = $1
