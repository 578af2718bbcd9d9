-- A version, or the one in force, as the programme's home has it.
select {ladder}
from ladder
where ladder."partition" = 0 and ladder.ladder = $1 and ($2 is null or ladder.version = $2)
order by ladder.version desc
limit 1
