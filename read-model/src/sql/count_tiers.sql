select tier || ' of the ladder ' || ladder, cast(0 as bigint) as upper_sum, count(*) as lower_sum
from account_tier
where tier is not null
group by ladder, tier
