-- All live parts of an account, in spending order.
select expires_at, lot, graced, available, held, pending, available_at
from credit_part
where account_id = $1
order by expires_at, lot, graced
