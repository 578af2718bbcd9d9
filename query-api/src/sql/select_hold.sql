select {hold}
from hold
where account_id = $1 and hold_id = $2 and part = ''
