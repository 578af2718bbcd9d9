-- The exchanges with an id, in whatever account.
select account_id, place, recorded_at
from exchange
where exchange_id = $1
order by account_id
limit $2
