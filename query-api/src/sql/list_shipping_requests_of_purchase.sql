-- Those of a purchase id, of one account or of all, after a place of the log. A request stands at
-- the place of its purchase.
select shipping_request_id, type, account_id, exchange_id, purchase_id, lines, deliver_to,
    warehouse, lane, sequence, status, carrier, express_no, place
from shipping_request
where place in (
        select place from purchase where purchase_id = $6 and place > ($1 << 48 | $2)
    )
    and ($5 is null or account_id = $5)
    and ($3 is null or status = $3)
order by place
limit $4
