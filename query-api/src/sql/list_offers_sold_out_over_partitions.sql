-- Offers of which the partitions have sold all together and whose windows have a time ($2), in the
-- order of their ids. No index has them: each partition's sales stand by themselves.
select offer_id, phase, opens_at, closes_at, stock, sold + sold_elsewhere as sold, position
from (
    select offer_id, phase, opens_at, closes_at, stock, sold, position, coalesce((
            select cast(sum(elsewhere.sold) as bigint)
            from offer_sold as elsewhere
            where elsewhere.offer_id = offer_availability.offer_id
        ), 0) as sold_elsewhere
    from offer_availability
    where phase <> 'closed' and (opens_at is null or opens_at <= $2)
        and (closes_at is null or closes_at > $2)
) as offers
where phase = 'open' and sold < stock and stock - sold <= sold_elsewhere
order by offer_id
limit $1
