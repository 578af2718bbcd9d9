-- Every exchange with an id, each with how far its parcel is: an exchange id is unique within an
-- account only.
select {exchange}, request.status, request.reason, request.carrier, request.express_no,
    request.parcels
from exchange
left join shipping_request as request on request.place = exchange.place
where exchange.exchange_id = $1 and exchange.account_id > $2
order by exchange.account_id
limit $3
