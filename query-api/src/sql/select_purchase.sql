-- The purchase with the status of its shipping request, if goods are shipped; it has the same place.
select {purchase}, request.status, request.reason, request.carrier, request.express_no,
    request.parcels
from purchase
left join shipping_request as request on request.place = purchase.place
where purchase.account_id = $1 and purchase.purchase_id = $2
