-- The tables are those of a time: who reads them goes by it, and by no clock.
update checkpoint
set recorded_at = ?2, clock = 'commands'
where "partition" = ?1
