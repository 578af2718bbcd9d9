select partition, first_position, last_position, file, sha256, members
from archived_range
order by partition, first_position
