select request.place, lines, warehouse, lane, lines_left, status, status_since, reason, carrier,
    express_no, crossed, changed_at, lines_wanted, parcels,
    asked.number
from unnest($1::text[], $2::text[]) with ordinality as asked (account_id, purchase_id, number)
join shipping_request as request
    on request.account_id = asked.account_id
    and request.purchase_id = asked.purchase_id
    and request.type = 1
