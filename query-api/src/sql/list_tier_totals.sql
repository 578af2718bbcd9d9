-- How many accounts have each tier of the ladders over a unit.
select tier_total.ladder, tier_total.tier, cast(sum(tier_total.accounts) as bigint) as accounts
from tier_total
where exists (
    select 1 from ladder where ladder.ladder = tier_total.ladder and ladder.unit = $1
)
group by tier_total.ladder, tier_total.tier
order by tier_total.ladder, tier_total.tier
