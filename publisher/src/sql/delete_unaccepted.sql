-- Unless an operator has asked for it since it was read.
delete from unaccepted where place = $1 and is_asked_for = $2
