, sent as (
    -- A message that was sent before violates the key, and the append is rolled back.
    insert into guerdon_log.message (source, destination, number, position)
    select new.source, new.destination, new.number, new.position
    from (
        select
            unnest($19::integer[]) as source, unnest($20::integer[]) as destination,
            unnest($21::bigint[]) as number, unnest($22::bigint[]) as position
    ) as new
    where new.source in (select partition from moved)
)
