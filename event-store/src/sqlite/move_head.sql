-- The append's one condition. No row: another writer has moved the head or raised the epoch.
update partition_head
set position = ?4, last_batch = ?5
where partition = ?1 and position = ?2 and epoch = ?3
returning generation
