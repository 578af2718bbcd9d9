-- A request has the place of its purchase, which an index finds.
select request.place, lines, warehouse, lane, lines_left, status, status_since, reason, carrier,
    express_no, crossed, changed_at, lines_wanted, parcels, attempts,
    asked.number
from unnest($1::text[], $2::text[]) with ordinality as asked (account_id, purchase_id, number)
join purchase
    on purchase.purchase_id = asked.purchase_id and purchase.account_id = asked.account_id
join shipping_request as request on request.place = purchase.place
