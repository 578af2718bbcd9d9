select available, held, pending, owed
from account_balance
where account_id = $1
