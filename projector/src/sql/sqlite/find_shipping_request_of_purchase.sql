select place, lines, status, carrier, express_no, changed_at
from shipping_request
where account_id = ?1 and purchase_id = ?2 and type = 1
