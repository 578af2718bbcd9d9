-- An account's holds, newest first, before a position.
select {hold}
from hold
where account_id = $1 and place < $2
order by place desc
limit $3
