-- The accounts in which a hold is over, or what is owed meets what is available, at a time although
-- the log doesn't say so yet.
select account_id
from hold
where status = 'held' and deadline <= $1
union
select account_id
from account_balance
where owed > 0
    and exists (
        select 1 from credit_part
        where credit_part.account_id = account_balance.account_id
            and (credit_part.available > 0 or credit_part.available_at <= $1)
    )
