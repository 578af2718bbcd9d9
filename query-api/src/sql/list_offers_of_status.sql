-- Offers that weren't closed and have a status at a time, in the order of their ids, after one of them.
select {offer_availability}
from offer_availability
where offer_id > $1 and phase <> 'closed' and $2 = case
    when closes_at <= $3 then 'ended'
    when phase = 'paused' then 'paused'
    when opens_at > $3 then 'scheduled'
    when sold = stock then 'sold-out'
    else 'open'
end
order by offer_id
limit $4
