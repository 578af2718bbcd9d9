insert into guerdon_log.code_key (singleton, key)
values (1, $1)
on conflict (singleton) do update set key = excluded.key
