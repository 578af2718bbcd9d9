-- An account's exchange.
select account_id, place, recorded_at
from exchange
where exchange_id = $1 and account_id = $2
