-- Purchases, each with how far its parcel is, if goods are shipped; its shipping request has the same
-- place.
select {purchase}, request.status, request.reason, request.carrier, request.express_no,
    request.parcels
from purchase
left join shipping_request as request on request.place = purchase.place
