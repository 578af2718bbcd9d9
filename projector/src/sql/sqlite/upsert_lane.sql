insert into lane (lane, warehouse, last_sequence, last_place)
values (?1, ?2, ?3, ?4)
on conflict do update set last_sequence = excluded.last_sequence, last_place = excluded.last_place
