-- By how much an account has changed since a time, by unit.
select unit, cast(sum(points) as bigint) as points
from ledger_entry
where account_id = $1 and recorded_at >= $2
group by unit
