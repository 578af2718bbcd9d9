insert into exchange (
    account_id, exchange_id, offer_id, product_id, quantity, points, status,
    "partition", position, occurred_at, recorded_at
)
select
    value ->> 'account_id', value ->> 'exchange_id', value ->> 'offer_id', value ->> 'product_id',
    value ->> 'quantity', value ->> 'points', 'created',
    value ->> 'partition', value ->> 'position', value ->> 'occurred_at', value ->> 'recorded_at'
from json_each(?1)
where true
on conflict do nothing
