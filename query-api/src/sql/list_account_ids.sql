-- The ids of accounts, in their order, after one of them.
select account_id
from account_balance
where account_id > $1
order by account_id
limit $2
