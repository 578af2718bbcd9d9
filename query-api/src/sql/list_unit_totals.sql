-- What an account has of each unit as it was recorded, less what it owes.
select 'points' as unit, available + held + pending - owed as total
from account_balance
where account_id = $1
union all
select unit, available + held + pending - owed
from unit_balance
where account_id = $1
