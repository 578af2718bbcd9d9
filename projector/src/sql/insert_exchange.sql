insert into exchange (
    account_id, exchange_id, offer_id, product_id, quantity, points, status,
    "partition", position, occurred_at, recorded_at
)
values (?1, ?2, ?3, ?4, ?5, ?6, 'created', ?7, ?8, ?9, ?10)
on conflict do nothing
