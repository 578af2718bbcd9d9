-- Makes a writer the one of the partition. The epoch shuts out whatever an earlier one sent.
update guerdon_log.partition_head
set epoch = epoch + 1, writer = $2
where partition = $1
returning position, epoch, generation, writer, last_batch
