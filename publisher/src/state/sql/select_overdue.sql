select place, shipping_request_id, feed, attempts, due_at, is_overdue, is_asked_for
from unaccepted
where is_overdue = 1 and place > $1
order by place
limit $2
