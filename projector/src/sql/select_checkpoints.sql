select "partition", log_id, generation, position, checksum, recorded_at
from checkpoint
order by "partition"
