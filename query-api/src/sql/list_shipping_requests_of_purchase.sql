-- Those of a purchase id, of one account or of all, after a place of the log.
select shipping_request_id, type, account_id, exchange_id, purchase_id, lines, deliver_to,
    warehouse, lane, sequence, status, carrier, express_no, "partition", position
from shipping_request
where (account_id, purchase_id) in (
        select account_id, purchase_id from purchase where purchase_id = ?6
    )
    and (?5 is null or account_id = ?5)
    and place > (?1 << 48 | ?2)
    and (?3 is null or status = ?3)
order by place
limit ?4
