select {fact}
from fact
where path = $1
