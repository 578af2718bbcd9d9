insert into shipping_request (account_id, exchange_id, offer_id, quantity, deliver_to)
values ($1, $2, $3, $4, $5)
