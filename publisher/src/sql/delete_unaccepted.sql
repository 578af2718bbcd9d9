delete from unaccepted where place = $1
