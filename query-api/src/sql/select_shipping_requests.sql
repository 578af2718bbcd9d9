-- What is shown of shipping requests; which of them, each read says.
select (select log_id from checkpoint limit 1) as log_id, generation, type, account_id, exchange_id,
    purchase_id, coalesce(lines_wanted, lines) as lines, coalesce(lines_left, lines) as lines_left,
    deliver_to, warehouse, lane, sequence, recorded_at, status, status_since, reason, carrier,
    express_no, parcels, crossed, place
from shipping_request
