delete from unaccepted where feed = $1 and place > $2
