-- All of them, after a place of the log. $5 and $6 are the other lists' and stay unused.
select shipping_request_id, type, account_id, exchange_id, purchase_id, lines, deliver_to,
    warehouse, lane, sequence, status, carrier, express_no, place
from shipping_request
where place > ($1 << 48 | $2)
    and $5 is null and $6 is null
    and ($3 is null or status = $3)
order by place
limit $4
