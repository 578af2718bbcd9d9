where exchange.account_id = $1 and exchange.exchange_id = $2
