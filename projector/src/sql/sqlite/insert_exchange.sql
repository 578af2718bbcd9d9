insert into exchange (
    place, account_id, exchange_id, offer_id, product_id, quantity, points, hold_id,
    cancelled_quantity, refunded_points, occurred_at, recorded_at
)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, 0, ?9, ?10)
on conflict do nothing
