-- A request has the place of its purchase.
select request.place, request.lines, request.warehouse, lane, lines_left, status, status_since, reason,
    carrier, express_no, crossed, changed_at, lines_wanted, parcels, attempts
from purchase
join shipping_request as request on request.place = purchase.place
where purchase.account_id = ?1 and purchase.purchase_id = ?2
