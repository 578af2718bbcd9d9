-- How many units of an offer are kept for an account that waited, at a time.
select cast(count(*) as bigint) as kept
from wait
where account_id = $1 and offer_id = $2 and status = 'served' and deadline > $3
