-- The ids of offers, in their order, after one of them.
select offer_id
from offer_availability
where offer_id > $1
order by offer_id
limit $2
