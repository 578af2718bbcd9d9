-- Before the first event; changes nothing where there is a checkpoint already.
insert into checkpoint ("partition", log_id, generation, position, checksum, recorded_at)
values ($1, $2, 1, 0, $3, 0)
on conflict do nothing
