-- Offers that weren't closed and have a status at a time, in the order of their ids, after one of them.
select {offer_availability}, coalesce((
        select cast(sum(elsewhere.sold) as bigint)
        from offer_sold as elsewhere
        where elsewhere.offer_id = offer_availability.offer_id
    ), 0) as sold_elsewhere
from offer_availability
where offer_id > $1 and phase <> 'closed' and $2 = case
    when closes_at <= $3 then 'ended'
    when phase = 'paused' then 'paused'
    when opens_at > $3 then 'scheduled'
    when stock - sold <= coalesce((
            select cast(sum(elsewhere.sold) as bigint)
            from offer_sold as elsewhere
            where elsewhere.offer_id = offer_availability.offer_id
        ), 0) then 'sold-out'
    else 'open'
end
order by offer_id
limit $4
