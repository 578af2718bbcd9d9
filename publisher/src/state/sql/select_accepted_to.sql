-- The place up to which every request of a feed was checked, and none is waiting for acceptance.
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
