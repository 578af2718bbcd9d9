-- The accounts that are there already; only their number is looked at.
select 1
from unnest($1::text[]) as asked (account_id)
join account_balance on account_balance.account_id = asked.account_id
