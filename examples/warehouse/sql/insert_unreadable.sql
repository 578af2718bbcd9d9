insert into unreadable (topic, partition, position, reason) values (?1, ?2, ?3, ?4)
on conflict do nothing
