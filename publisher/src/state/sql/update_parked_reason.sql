update parked set code = $2, reason = $3 where parked_id = $1
