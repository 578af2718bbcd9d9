select offer_id, product_id, price, stock, remaining, opens_at, closes_at, limit_per_shopper,
    warehouse, version, phase, "partition", position
from offer_availability
where offer_id > $1
order by offer_id
limit $2
