insert into credit_exchange (account_id, exchange_id, offer_id, quantity, points)
values ($1, $2, $3, $4, $5)
