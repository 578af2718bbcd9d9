select {wait}
from wait
where account_id = $1 and wait_id = $2
