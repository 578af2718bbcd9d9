with made as (
    insert into guerdon_log.log (singleton, log_id, partitions, format, import_state)
    values (1, $1, $2, $3, $4)
    on conflict do nothing
    returning partitions
)
insert into guerdon_log.partition_head (partition, position, epoch, generation)
select number, 0, 0, 1
from made
cross join generate_series(0, made.partitions - 1) as number
