select "partition", position, recorded_at, clock
from checkpoint
order by "partition"
