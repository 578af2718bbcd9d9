-- An account's exchanges, newest first, before a position; each with how far its parcel is.
select {exchange}, request.status, request.reason, request.carrier, request.express_no,
    request.parcels
from exchange
join shipping_request as request on request.place = exchange.place
where exchange.account_id = $1 and exchange.place < $2
order by exchange.place desc
limit $3
