-- An account's purchases, newest first, before a position.
select {purchase}
from purchase
where account_id = $1 and place < $2
order by place desc
limit $3
