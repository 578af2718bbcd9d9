-- Makes a writer the one of the partition. The epoch shuts out whatever an earlier one sent; like an
-- append, it must be on disk.
update guerdon_log.partition_head
set epoch = epoch + 1, writer = $2
where partition = $1
    and set_config('client_min_messages', 'warning', true) is not null
    and set_config(
        'synchronous_commit',
        case current_setting('synchronous_commit')
            when 'off' then 'on'
            else current_setting('synchronous_commit')
        end,
        true
    ) is not null
returning position, epoch, generation, writer, last_batch
