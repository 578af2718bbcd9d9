update answer set is_said = 1 where number between ?1 and ?2
