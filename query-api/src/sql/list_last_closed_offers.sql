-- Offers that were closed, the last one first.
select offer_id, phase, opens_at, closes_at, stock, sold
from offer_availability
where phase = 'closed'
order by position desc
limit $1
