update exchange
set
    cancelled_quantity = exchange.cancelled_quantity + {cancelled_quantity},
    refunded_points = exchange.refunded_points + {refunded_points}
{from}
where exchange.exchange_id = {exchange_id} and exchange.account_id = {account_id}
