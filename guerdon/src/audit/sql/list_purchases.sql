select place, account_id, purchase_id, lines, earned, coalesce(occurred_at, recorded_at) as bought_at
from purchase
where place > $1
order by place
limit $2
