-- An account's. A request has the place of the exchange or purchase that asked for it.
select count(*) as requests
from shipping_request
where place in (
        select place from exchange where account_id = $1
        union all
        select place from purchase where account_id = $1
    )
    and status in ('requested', 'accepted', 'back-ordered', 'partly-dispatched')
