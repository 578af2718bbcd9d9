update feed set acknowledged_to = $2, checked_to = $3, stopped_why = null where feed = $1
