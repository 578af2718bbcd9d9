insert into exchange (
    place, account_id, exchange_id, offer_id, product_id, quantity, points, status,
    occurred_at, recorded_at
)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'created', ?8, ?9)
on conflict do nothing
