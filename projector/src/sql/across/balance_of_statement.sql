-- Accounts whose credit less debt isn't what their statement's lines add up to. The lines are added up
-- in two halves: they may outgrow 64 bits on the way.
select account_id || ', ' || unit, cast(sum(balance) as bigint),
    cast(sum(upper_half) * 4294967296 + sum(lower_half) as bigint)
from (
    select account_id, 'points' as unit, available + held + pending - owed as balance, 0 as upper_half,
        0 as lower_half
    from account_balance
    union all
    select account_id, unit, available + held + pending - owed, 0, 0 from unit_balance
    union all
    select account_id, unit, 0, points / 4294967296, points % 4294967296 from ledger_entry
) as amounts
group by account_id, unit
having sum(balance) <> sum(upper_half) * 4294967296 + sum(lower_half)
order by account_id, unit
limit {limit}
