-- Exchanges, each with how far its parcel is, if it is shipped; its shipping request has the same
-- place.
select {exchange}, request.status, request.reason, request.carrier, request.express_no,
    request.parcels
from exchange
left join shipping_request as request on request.place = exchange.place
