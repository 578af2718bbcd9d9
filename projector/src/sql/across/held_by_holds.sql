-- Accounts that have set aside something else than their live holds do.
select account_id || ', ' || unit, cast(sum(held) as bigint), cast(sum(of_holds) as bigint)
from (
    select account_id, 'points' as unit, held, 0 as of_holds from account_balance
    union all
    select account_id, unit, held, 0 from unit_balance
    union all
    select account_id, unit, 0, points from hold where status = 'held'
) as amounts
group by account_id, unit
having sum(held) <> sum(of_holds)
order by account_id, unit
limit {limit}
