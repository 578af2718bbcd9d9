-- Offers in the order of their ids, after one of them.
select {offer_availability}
from offer_availability
where offer_id > $1
order by offer_id
limit $2
