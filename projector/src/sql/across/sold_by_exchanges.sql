-- Offers of which something else was sold than exchanges took and didn't give back.
select offer_id, cast(sum(sold) as bigint), cast(sum(exchanged) as bigint)
from (
    select offer_id, sold, 0 as exchanged from offer_availability
    union all
    select offer_id, sold, 0 from offer_sold
    union all
    select offer_id, 0, quantity - cancelled_quantity from exchange
) as pieces
group by offer_id
having sum(sold) <> sum(exchanged)
order by offer_id
limit {limit}
