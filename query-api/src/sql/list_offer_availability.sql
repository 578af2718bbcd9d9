-- Offers in the order of their ids, after one of them.
select {offer_availability}, coalesce((
        select cast(sum(elsewhere.sold) as bigint)
        from offer_sold as elsewhere
        where elsewhere.offer_id = offer_availability.offer_id
    ), 0) as sold_elsewhere
from offer_availability
where offer_id > $1
order by offer_id
limit $2
