select "partition", generation, position
from checkpoint
order by "partition"
