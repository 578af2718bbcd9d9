-- Accounts that have one tier of a ladder, by account, after one ($2).
select {account_tier}
from account_tier
where account_tier.ladder = $1 and account_tier.tier = $4 and account_tier.account_id > $2
order by account_tier.account_id
limit $3
