-- Offers that are paused or sold out, in the order of their ids.
select offer_id, phase, opens_at, closes_at, stock, sold
from offer_availability
where phase <> 'closed' and (phase = 'paused' or sold = stock)
order by offer_id
limit $1
