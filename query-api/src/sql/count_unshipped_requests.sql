-- An account's. A request has the place of the exchange or purchase that asked for it. (The order of a
-- cross join is SQLite's, too, which else would read all that isn't shipped, of whomever.)
select count(*) as requests
from (
    select place from exchange where account_id = $1
    union all
    select place from purchase where account_id = $1
) as goods
cross join shipping_request as request
where request.place = goods.place
    and request.status in ('requested', 'accepted', 'back-ordered', 'partly-dispatched')
