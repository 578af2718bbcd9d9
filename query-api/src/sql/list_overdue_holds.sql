-- The holds that are over at a time although the log doesn't say so yet, in the order in which they
-- ended.
select deadline, lots, place
from hold
where account_id = $1 and status = 'held' and deadline <= $2
order by deadline, place
