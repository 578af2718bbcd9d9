update answer set is_sent = 1 where number between ?1 and ?2
