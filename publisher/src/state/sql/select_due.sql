select place, shipping_request_id, feed, attempts, due_at, is_overdue, is_asked_for
from unaccepted
where feed = $1 and due_at <= $2
order by due_at
limit $3
