-- Seals, newest first: before a place ($1).
select {balance_seal}
from balance_seal
where balance_seal.place < $1
order by balance_seal.place desc
limit $2
