, sent as (
    -- A message that was sent before violates the key, and the append is rolled back.
    insert into guerdon_log.message (source, destination, number, position)
    select
        $1, unnest($17::integer[]) as destination, unnest($18::bigint[]) as number,
        unnest($19::bigint[]) as position
    from moved
)
