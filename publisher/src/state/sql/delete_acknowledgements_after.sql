delete from acknowledgement where feed = $1 and acknowledged_to > $2
