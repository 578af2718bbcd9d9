-- Rows are [lane, last sequence].
insert into lane (lane, last_sequence)
select value ->> 0, value ->> 1
from json_each(?1)
where true
on conflict do update set last_sequence = excluded.last_sequence
