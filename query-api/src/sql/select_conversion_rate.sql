-- A version, or the one in force.
select {conversion_rate}
from conversion_rate
where from_unit = $1 and to_unit = $2 and ($3 is null or version = $3)
order by version desc
limit 1
