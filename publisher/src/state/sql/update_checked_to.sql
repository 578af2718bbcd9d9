update feed set checked_to = $2 where feed = $1
