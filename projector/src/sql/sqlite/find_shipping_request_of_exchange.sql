-- A request has the place of its exchange.
select request.place, request.lines, request.warehouse, lane, lines_left, status, status_since, reason,
    carrier, express_no, crossed, changed_at, lines_wanted, parcels, attempts
from exchange
join shipping_request as request on request.place = exchange.place
where exchange.account_id = ?1 and exchange.exchange_id = ?2
