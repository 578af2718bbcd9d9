-- What an account has had of an offer, less what was cancelled.
select cast(coalesce(sum(quantity - cancelled_quantity), 0) as bigint) as taken
from exchange
where account_id = $1 and offer_id = $2
