-- Offers that were not closed and open after a time ($1) and up to another one ($2), the next one first.
select offer_id
from offer_availability
where phase <> 'closed' and opens_at > $1 and opens_at <= $2
order by opens_at
limit $3
