-- Queues behind whatever of the writer's still runs, and shuts it out. No row: it was deposed.
-- Like an append, the epoch must be on disk.
update guerdon_log.partition_head
set epoch = epoch + 1
where partition = $1 and writer = $2
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
