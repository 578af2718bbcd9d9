-- Accounts whose balance of a unit isn't what the live parts of their lots add up to.
select account_id || ', ' || unit, cast(sum(balance) as bigint), cast(sum(of_lots) as bigint)
from (
    select account_id, 'points' as unit, {column} as balance, 0 as of_lots from account_balance
    union all
    select account_id, unit, {column}, 0 from unit_balance
    union all
    select account_id, unit, 0, {column} from credit_part
) as amounts
group by account_id, unit
having sum(balance) <> sum(of_lots)
order by account_id, unit
limit {limit}
