select offer_id, quantity, points from credit_exchange
where account_id = $1 and exchange_id = $2
