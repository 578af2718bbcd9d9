-- The statement, newest first, before a position.
select {ledger_entry}
from ledger_entry
where account_id = $1 and place < $2
order by place desc
limit $3
