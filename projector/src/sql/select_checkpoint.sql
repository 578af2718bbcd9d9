select log_id, generation, position, checksum
from checkpoint
where "partition" = ?1
