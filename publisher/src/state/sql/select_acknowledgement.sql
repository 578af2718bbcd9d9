select acknowledged_to
from acknowledgement
where feed = $1 and acknowledged_at <= $2
order by acknowledged_at desc
limit 1
