insert into exchange (
    place, account_id, exchange_id, offer_id, product_id, quantity, points, hold_id, occurred_at,
    recorded_at, status, cancelled_quantity, refunded_points
)
select *, 'created', 0, 0
from unnest(
    $1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[],
    $8::text[], $9::bigint[], $10::bigint[]
)
on conflict do nothing
