insert into lane (lane, warehouse, last_sequence, last_place)
select
    unnest($1::text[]), unnest($2::text[]), unnest($3::bigint[]), unnest($4::bigint[])
on conflict (lane) do update
set last_sequence = excluded.last_sequence, last_place = excluded.last_place
