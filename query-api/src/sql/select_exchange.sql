-- How far its parcel is, its shipping request says, which stands at the same place.
select exchange.exchange_id, exchange.account_id, offer_id, product_id, quantity, points, hold_id,
    cancelled_quantity, refunded_points, exchange.place, occurred_at, exchange.recorded_at,
    request.status, request.reason, request.carrier, request.express_no
from exchange
join shipping_request as request on request.place = exchange.place
where exchange.account_id = $1 and exchange.exchange_id = $2
