-- A request has the place of its exchange, which an index finds.
select request.place, lines, warehouse, lane, lines_left, status, status_since, reason, carrier,
    express_no, crossed, changed_at, lines_wanted, parcels, attempts,
    asked.number
from unnest($1::text[], $2::text[]) with ordinality as asked (account_id, exchange_id, number)
join exchange
    on exchange.exchange_id = asked.exchange_id and exchange.account_id = asked.account_id
join shipping_request as request on request.place = exchange.place
