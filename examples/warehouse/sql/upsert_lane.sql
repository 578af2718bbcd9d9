insert into lane (source, lane, sequence) values (?1, ?2, ?3)
on conflict (source, lane) do update set sequence = excluded.sequence
