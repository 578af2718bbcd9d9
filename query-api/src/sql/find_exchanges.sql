-- Every exchange with an id: an exchange id is unique within an account only.
select exchange_id, account_id, offer_id, product_id, quantity, points, hold_id, status,
    cancelled_quantity, refunded_points, place, occurred_at, recorded_at
from exchange
where exchange_id = $1 and account_id > $2
order by account_id
limit $3
