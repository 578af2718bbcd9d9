select {ledger_entry}
from ledger_entry
where account_id = $1 and place = $2
