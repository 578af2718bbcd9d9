-- Lanes that count something else than the messages that they have.
select lane, cast(sum(counted) as bigint), cast(sum(there) as bigint)
from (
    select lane, last_sequence as counted, 0 as there from lane
    union all
    select lane, 0, 1 from shipping_request
    union all
    select request.lane, 0, 1
    from shipping_change as change
    join shipping_request as request on request.place = change.request
) as messages
group by lane
having sum(counted) <> sum(there)
order by lane
limit {limit}
