-- Offers of which something else was sold or reserved than exchanges took and didn't give back, and holds
-- and waits keep. A code never goes back.
select offer_id, cast(sum(sold) as bigint), cast(sum(exchanged) as bigint)
from (
    select offer_id, sold, 0 as exchanged from offer_availability
    union all
    select offer_id, sold, 0 from offer_sold
    union all
    select offer_id, 0, case when code_at is null then quantity - cancelled_quantity else quantity end
    from exchange
    union all
    select offer_id, 0, quantity from hold where offer_id is not null and status = 'held'
    union all
    select offer_id, 0, 1 from wait where status = 'served'
) as pieces
group by offer_id
having sum(sold) <> sum(exchanged)
order by offer_id
limit {limit}
