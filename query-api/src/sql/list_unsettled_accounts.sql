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
select account_id
from unit_balance
where must_repay
union
-- A join would make PostgreSQL read all that is pending, because it doesn't know how few $1 lets in.
select account_id
from credit_part
where pending > 0
    and available_at <= $1
    and case unit
        when 'points' then (
            select owed from account_balance where account_id = credit_part.account_id
        )
        else (
            select owed from unit_balance
            where account_id = credit_part.account_id and unit = credit_part.unit
        )
    end > 0
