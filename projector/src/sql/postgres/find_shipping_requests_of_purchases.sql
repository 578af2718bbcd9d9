-- A request has the place of its purchase, which an index finds.
select request.place, request.lines, request.warehouse, request.lane, request.lines_left,
    request.status, request.status_since, request.reason, request.carrier, request.express_no,
    request.crossed, request.changed_at, request.lines_wanted, request.parcels, request.attempts,
    asked.number
from unnest($1::text[], $2::text[]) with ordinality as asked (account_id, purchase_id, number)
join purchase
    on purchase.purchase_id = asked.purchase_id and purchase.account_id = asked.account_id
join shipping_request as request on request.place = purchase.place
