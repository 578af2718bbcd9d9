-- Offers of a partition ($2) that were closed, and whose windows have no end, the last one first.
select offer_id, phase, opens_at, closes_at, stock, sold, position
from offer_availability
where phase = 'closed' and closes_at is null and "partition" = $2
order by position desc
limit $1
