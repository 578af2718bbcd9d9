select log_id, generation, position, checksum, recorded_at
from checkpoint
where "partition" = $1
