update credit set points = points - $2
where account_id = $1 and points >= $2
