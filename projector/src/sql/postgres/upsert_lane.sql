insert into lane (lane, last_sequence)
select
    unnest($1::text[]), unnest($2::bigint[])
on conflict (lane) do update set last_sequence = excluded.last_sequence
