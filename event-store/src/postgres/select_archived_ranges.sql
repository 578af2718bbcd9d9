select partition, first_position, last_position, file, sha256, members::text
from guerdon_log.archived_range
order by partition, first_position
