insert into lane (lane, last_sequence)
values (?1, ?2)
on conflict do update set last_sequence = excluded.last_sequence
