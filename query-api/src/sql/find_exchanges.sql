-- Every exchange with an id, each with how far its parcel is: an exchange id is unique within an
-- account only.
select exchange.exchange_id, exchange.account_id, offer_id, product_id, quantity, points, hold_id,
    cancelled_quantity, refunded_points, exchange.place, occurred_at, exchange.recorded_at,
    request.status, request.reason, request.carrier, request.express_no
from exchange
join shipping_request as request on request.place = exchange.place
where exchange.exchange_id = $1 and exchange.account_id > $2
order by exchange.account_id
limit $3
