-- The exchange with the status of its shipping request, which has the same place.
select {exchange}, request.status, request.reason, request.carrier, request.express_no,
    request.parcels
from exchange
left join shipping_request as request on request.place = exchange.place
where exchange.account_id = $1 and exchange.exchange_id = $2
