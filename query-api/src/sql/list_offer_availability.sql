-- Offers in the order of their ids, after one of them; with a status at a time, where one is asked for.
select {offer_availability}
from offer_availability
where offer_id > $1
    and ($2 = '' or $2 = case
        when phase = 'closed' then 'closed'
        when closes_at <= $3 then 'ended'
        when opens_at > $3 then 'scheduled'
        when remaining = 0 then 'sold-out'
        else 'open'
    end)
order by offer_id
limit $4
