-- An account's purchases, newest first, before a time and a place; not from before another time ($4).
select {purchase}, request.status, request.reason, request.carrier, request.express_no,
    request.parcels
from purchase
left join shipping_request as request on request.place = purchase.place
where purchase.account_id = $1
    and (purchase.recorded_at, purchase.place) < ($2, $3)
    and purchase.recorded_at >= $4
order by purchase.recorded_at desc, purchase.place desc
limit $5
