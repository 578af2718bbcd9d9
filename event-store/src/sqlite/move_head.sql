-- The append's one condition. No row: another writer has moved the head, raised the epoch or declared
-- a fork.
update partition_head
set position = ?5, generation = ?6, last_batch = ?7
where partition = ?1 and position = ?2 and epoch = ?3 and generation = ?4
