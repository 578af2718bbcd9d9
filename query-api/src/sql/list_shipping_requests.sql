-- All of them, after a place of the log.
select (select log_id from checkpoint limit 1) as log_id, generation, type, account_id, exchange_id,
    purchase_id, coalesce(lines_left, lines) as lines, deliver_to, warehouse, lane, sequence,
    recorded_at, status, status_since, reason, carrier, express_no, crossed, place
from shipping_request
where place > $1
order by place
limit $2
