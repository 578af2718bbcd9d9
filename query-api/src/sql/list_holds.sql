-- An account's holds, newest first, before a position.
select hold_id, account_id, points, deadline, status, captured_points, exchange_id, place,
    occurred_at, recorded_at
from hold
where account_id = $1 and place < $2
order by place desc
limit $3
