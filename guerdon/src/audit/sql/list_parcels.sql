select place, generation, warehouse, parcels
from shipping_request
where place > $1
order by place
limit $2
