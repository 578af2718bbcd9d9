-- All with an id: an exchange id is unique within an account only.
where exchange.exchange_id = $1 and exchange.account_id > $2
order by exchange.account_id
limit $3
