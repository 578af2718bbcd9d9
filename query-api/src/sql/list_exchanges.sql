-- An account's exchanges, newest first, before a time and a place; not from before another time ($4).
-- Each has how far its parcel is.
select {exchange}, request.status, request.reason, request.carrier, request.express_no,
    request.parcels
from exchange
left join shipping_request as request on request.place = exchange.place
where exchange.account_id = $1
    and (exchange.recorded_at, exchange.place) < ($2, $3)
    and exchange.recorded_at >= $4
order by exchange.recorded_at desc, exchange.place desc
limit $5
