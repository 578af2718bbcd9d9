-- The exchanges with an id, in whatever account: as many as there are accounts that used the id.
select account_id, place, recorded_at
from exchange
where exchange_id = $1 and account_id > $2
order by account_id
limit $3
