-- The accounts in which a hold is over, or what is owed meets what is available, at a time although
-- the log doesn't say so yet.
select account_id
from hold
where status = 'held' and deadline <= $1
union
select account_id
from account_balance
where must_repay
union
select credit_part.account_id
from credit_part
join account_balance on account_balance.account_id = credit_part.account_id
where credit_part.pending > 0 and credit_part.available_at <= $1 and account_balance.owed > 0
