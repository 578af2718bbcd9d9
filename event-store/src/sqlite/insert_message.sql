insert into message (source, destination, number, position)
values (?1, ?2, ?3, ?4)
