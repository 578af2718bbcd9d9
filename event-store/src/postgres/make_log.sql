with made as (
    insert into guerdon_log.log (singleton, log_id, partitions, format, import_state)
    values (1, $1, $2, $3, $4)
    on conflict do nothing
    returning partitions, import_state
),

-- Of random bytes; an imported log has none.
keyed as (
    insert into guerdon_log.code_key (singleton, key)
    select 1, uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
    from made
    where made.import_state is null
)

insert into guerdon_log.partition_head (partition, position, epoch, generation)
select number, 0, 0, 1
from made
cross join generate_series(0, made.partitions - 1) as number
