-- An account's exchanges, newest first, before a position.
select exchange_id, account_id, offer_id, product_id, quantity, points, hold_id, status,
    cancelled_quantity, refunded_points, place, occurred_at, recorded_at
from exchange
where account_id = $1 and place < $2
order by place desc
limit $3
