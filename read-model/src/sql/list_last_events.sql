select "partition", generation, position, checksum
from checkpoint
order by "partition"
