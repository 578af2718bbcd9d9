-- An account's, of exchanges up to a place.
select code_at
from exchange
where account_id = $1 and code_at is not null and place <= $2
order by code_at
