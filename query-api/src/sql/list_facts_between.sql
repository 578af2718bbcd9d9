-- Facts whose paths stand between two texts, in the order of their paths.
select {fact}
from fact
where path > $1 and path < $2
order by path
