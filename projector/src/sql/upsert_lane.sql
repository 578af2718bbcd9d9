{insert}
on conflict (lane) do update
set last_sequence = excluded.last_sequence, last_place = excluded.last_place
