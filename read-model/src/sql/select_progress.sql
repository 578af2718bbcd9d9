select "partition", generation, position, recorded_at, clock, log_id, stopped_at
from checkpoint
order by "partition"
