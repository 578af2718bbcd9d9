select request.place, lines, warehouse, lane, lines_left, status, status_since, reason, carrier,
    express_no, crossed, changed_at, lines_wanted, parcels,
    asked.number
from unnest($1::text[], $2::text[]) with ordinality as asked (account_id, exchange_id, number)
join shipping_request as request
    on request.account_id = asked.account_id
    and request.exchange_id = asked.exchange_id
    and request.type = 2
