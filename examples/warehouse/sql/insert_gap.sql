insert into gap (source, lane, first, last) values (?1, ?2, ?3, ?4)
