select position
from account_balance
where account_id = $1
