-- Offers that are paused or sold out at a time ($2) and not outside of their windows, in the order of
-- their ids.
select offer_id, phase, opens_at, closes_at, stock, sold, position
from offer_availability
where phase <> 'closed' and (phase = 'paused' or sold = stock)
    and (phase = 'paused' or opens_at is null or opens_at <= $2)
    and (closes_at is null or closes_at > $2)
order by offer_id
limit $1
