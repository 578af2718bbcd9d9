select place, lines, earned
from purchase
where account_id = ?1 and purchase_id = ?2
