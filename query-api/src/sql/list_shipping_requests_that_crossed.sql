-- Those that left although they had been called off, after a place of the log.
-- $4 has the warehouses between commas: ',main,berlin,'.
select (select log_id from checkpoint limit 1) as log_id, generation, type, account_id, exchange_id,
    purchase_id, coalesce(lines_left, lines) as lines, deliver_to, warehouse, lane, sequence,
    recorded_at, status, status_since, reason, carrier, express_no, crossed, place
from shipping_request
where crossed
    and place > $1
    and ($3 is null or status = $3)
    and ($4 is null or replace($4, ',' || warehouse || ',', '') <> $4)
order by place
limit $2
