-- On the condition that nobody else has projected meanwhile. The log says once what its clock is.
update checkpoint
set
    generation = ?4,
    position = ?5,
    checksum = ?6,
    recorded_at = ?7,
    clock = coalesce(?8, clock),
    stopped_at = null,
    stopped_why = null
where "partition" = ?1 and position = ?2 and checksum = ?3
