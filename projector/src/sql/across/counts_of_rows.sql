-- Counts that aren't those of the rows.
select name, cast(sum(counted) as bigint), cast(sum(there) as bigint)
from (
    select name, low as counted, 0 as there from programme_total
    where name in ('exchanges', 'purchases', 'holds')
    union all
    select 'exchanges', 0, count(*) from exchange
    union all
    select 'purchases', 0, count(*) from purchase
    union all
    select 'holds', 0, count(*) from hold where part = ''
) as counts
group by name
having sum(counted) <> sum(there)
order by name
limit {limit}
