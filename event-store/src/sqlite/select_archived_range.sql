select partition, first_position, last_position, file, sha256, members
from archived_range
where partition = ?1 and first_position <= ?2 and last_position >= ?2
