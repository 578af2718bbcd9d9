update parked set reason = $2 where parked_id = $1
