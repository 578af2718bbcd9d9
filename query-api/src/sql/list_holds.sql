-- An account's holds, newest first: before a time and a place ($2, $3), and not before another time
-- ($4).
select {hold}
from hold
where hold.account_id = $1
    and hold.part = ''
    and (hold.recorded_at, hold.place) < ($2, $3)
    and hold.recorded_at >= $4
order by hold.recorded_at desc, hold.place desc
limit $5
