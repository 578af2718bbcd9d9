-- A key's operations, newest first: before a time and a place ($1, $2), and not before another time ($3).
select {operation}
from operation
where (operation.recorded_at, operation.place) < ($1, $2)
    and operation.recorded_at >= $3
    and operation.key_id = $5
order by operation.recorded_at desc, operation.place desc
limit $4
