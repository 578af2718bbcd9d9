-- A version, or the one in force.
select {ladder}
from ladder
where ladder.ladder = $1 and ($2 is null or ladder.version = $2)
order by ladder.version desc
limit 1
