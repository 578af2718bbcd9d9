select place, generation, status, coalesce(lines_left, lines) as lines_left, recorded_at
from shipping_request
where place = $1
