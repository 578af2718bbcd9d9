-- How many wait for an offer who joined before a time, or at that time before a place.
select cast(count(*) as bigint) as ahead
from wait
where offer_id = $1 and status = 'waiting' and (recorded_at, place) < ($2, $3)
