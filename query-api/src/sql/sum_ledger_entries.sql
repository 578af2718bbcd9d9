-- By how much an account has changed since a time.
select cast(coalesce(sum(points), 0) as bigint) as points
from ledger_entry
where account_id = $1 and recorded_at >= $2
