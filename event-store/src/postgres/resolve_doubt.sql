-- Queues behind whatever of the writer's still runs, and shuts it out. No row: it was deposed.
update guerdon_log.partition_head
set epoch = epoch + 1
where partition = $1 and writer = $2
returning position, epoch, generation, writer, last_batch
