-- Every purchase with an id, each with how far its parcel is: a purchase id is unique within an account
-- only.
select {purchase}, request.status, request.reason, request.carrier, request.express_no,
    request.parcels
from purchase
left join shipping_request as request on request.place = purchase.place
where purchase.purchase_id = $1 and purchase.account_id > $2
order by purchase.account_id
limit $3
