select 'accounts' as name, cast(0 as bigint) as upper_sum, count(*) as lower_sum from account_balance
union all
select 'available', cast(coalesce(sum(available / 4294967296), 0) as bigint),
    cast(coalesce(sum(available % 4294967296), 0) as bigint)
from account_balance
union all
select 'held', cast(coalesce(sum(held / 4294967296), 0) as bigint),
    cast(coalesce(sum(held % 4294967296), 0) as bigint)
from account_balance
union all
select 'pending', cast(coalesce(sum(pending / 4294967296), 0) as bigint),
    cast(coalesce(sum(pending % 4294967296), 0) as bigint)
from account_balance
union all
select 'owed', cast(coalesce(sum(owed / 4294967296), 0) as bigint),
    cast(coalesce(sum(owed % 4294967296), 0) as bigint)
from account_balance
union all
select 'available of ' || unit, cast(coalesce(sum(available / 4294967296), 0) as bigint),
    cast(coalesce(sum(available % 4294967296), 0) as bigint)
from unit_balance
group by unit
union all
select 'held of ' || unit, cast(coalesce(sum(held / 4294967296), 0) as bigint),
    cast(coalesce(sum(held % 4294967296), 0) as bigint)
from unit_balance
group by unit
union all
select 'pending of ' || unit, cast(coalesce(sum(pending / 4294967296), 0) as bigint),
    cast(coalesce(sum(pending % 4294967296), 0) as bigint)
from unit_balance
group by unit
union all
select 'owed of ' || unit, cast(coalesce(sum(owed / 4294967296), 0) as bigint),
    cast(coalesce(sum(owed % 4294967296), 0) as bigint)
from unit_balance
group by unit
