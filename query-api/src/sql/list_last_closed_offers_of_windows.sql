-- Offers of a partition ($2) that were closed before the ends of their windows, which a time ($3)
-- isn't at either, the last one first.
select offer_id, phase, opens_at, closes_at, stock, sold, position
from offer_availability
where phase = 'closed' and closes_at is not null and "partition" = $2 and closes_at > $3
order by position desc
limit $1
