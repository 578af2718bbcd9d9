select available, held, pending, owed, "partition", position
from account_balance
where account_id = $1
