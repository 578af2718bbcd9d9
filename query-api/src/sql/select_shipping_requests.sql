-- What a list of shipping requests shows; which of them, each list says.
select (select log_id from checkpoint limit 1) as log_id, generation, type, account_id, exchange_id,
    purchase_id, coalesce(lines_left, lines) as lines, deliver_to, warehouse, lane, sequence,
    recorded_at, status, status_since, reason, carrier, express_no, crossed, place
from shipping_request
