-- On the condition that nobody else has projected meanwhile.
update checkpoint
set generation = ?4, position = ?5, checksum = ?6, stopped_at = null, stopped_why = null
where "partition" = ?1 and position = ?2 and checksum = ?3
