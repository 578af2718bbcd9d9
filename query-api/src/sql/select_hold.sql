select hold_id, account_id, points, deadline, status, captured_points, exchange_id, place,
    occurred_at, recorded_at
from hold
where account_id = $1 and hold_id = $2
