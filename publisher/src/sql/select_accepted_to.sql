-- Up to where each request of a warehouse was looked at and is accepted, or needs not be any more.
select min(place)
from (
    select place - 1 as place
    from unaccepted
    where feed = $1
    union all
    select checked_to
    from feed
    where feed = $1
) as bound
