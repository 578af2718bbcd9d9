select place, generation, status, recorded_at
from shipping_request
where place = $1
