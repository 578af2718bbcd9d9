insert into exchange (
    place, account_id, exchange_id, offer_id, product_id, quantity, points, hold_id, occurred_at,
    recorded_at, cancelled_quantity, refunded_points
)
select
    unnest($1::bigint[]), unnest($2::text[]), unnest($3::text[]), unnest($4::text[]),
    unnest($5::text[]), unnest($6::bigint[]), unnest($7::bigint[]), unnest($8::text[]),
    unnest($9::bigint[]), unnest($10::bigint[]), 0, 0
on conflict do nothing
