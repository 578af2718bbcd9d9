select "partition", position, recorded_at, clock, log_id
from checkpoint
order by "partition"
