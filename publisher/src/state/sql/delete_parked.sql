delete from parked where parked_id = $1
