-- How many wait for an offer before a place.
select cast(count(*) as bigint) as ahead
from wait
where offer_id = $1 and status = 'waiting' and place < $2
