-- What of an account has expired of a unit since a time, as a number below 0.
select cast(coalesce(sum(points), 0) as bigint) as points
from ledger_entry
where account_id = $1 and kind = 'credit-expired' and recorded_at >= $2 and unit = $3
