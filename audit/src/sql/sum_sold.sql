-- What was taken of an offer by a time and, in the partition of the moment, by a place, without what was
-- given back. $4 is the last place that this partition can have; what is after it is of other partitions.
select cast(coalesce(sum(quantity), 0) as bigint) as sold
from exchange
where offer_id = $1 and recorded_at <= $2 and (place <= $3 or place > $4)
