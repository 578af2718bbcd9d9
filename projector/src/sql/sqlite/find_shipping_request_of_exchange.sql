select place, lines, warehouse, lane, lines_left, status, status_since, reason, carrier, express_no,
    crossed, changed_at, lines_wanted, parcels
from shipping_request
where account_id = ?1 and exchange_id = ?2 and type = 2
