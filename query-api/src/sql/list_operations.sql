-- Operations, newest first: before a time and a place ($1, $2), and not before another time ($3).
-- {of_whom} is nothing, or names the key or the account ($5).
select {operation}
from operation
where (operation.recorded_at, operation.place) < ($1, $2)
    and operation.recorded_at >= $3
    {of_whom}
order by operation.recorded_at desc, operation.place desc
limit $4
