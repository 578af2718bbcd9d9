insert into lane (lane, last_sequence)
select *
from unnest($1::text[], $2::bigint[])
on conflict (lane) do update set last_sequence = excluded.last_sequence
