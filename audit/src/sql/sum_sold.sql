-- What was taken of an offer by a time and a place, without what was given back.
select cast(coalesce(sum(quantity), 0) as bigint) as sold
from exchange
where offer_id = $1 and recorded_at <= $2 and place <= $3
