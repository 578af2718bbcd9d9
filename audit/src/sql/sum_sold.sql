-- What was taken of an offer by a time and, in the partition of the moment, by a place, without what was
-- given back, and what was reserved or kept then. $4 is the last place that this partition can have; what is after it
-- is of other partitions.
select cast(coalesce(sum(quantity), 0) as bigint) as sold
from (
    select quantity
    from exchange
    where offer_id = $1 and recorded_at <= $2 and (place <= $3 or place > $4)
    union all
    select quantity
    from hold
    where offer_id = $1 and recorded_at <= $2 and (place <= $3 or place > $4)
        and not coalesce(ended_at <= $2 and (ended <= $3 or ended > $4), false)
    union all
    select 1
    from wait
    where offer_id = $1 and served_at <= $2 and (served <= $3 or served > $4) and served is not null
        and not coalesce(ended_at <= $2 and (ended <= $3 or ended > $4), false)
) as taken
