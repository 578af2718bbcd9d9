update exchange
set
    cancelled_quantity = exchange.cancelled_quantity + change.cancelled_quantity,
    refunded_points = exchange.refunded_points + change.refunded_points
from (
    select
        unnest($1::text[]) as account_id, unnest($2::text[]) as exchange_id,
        unnest($3::bigint[]) as cancelled_quantity, unnest($4::bigint[]) as refunded_points
) as change
where exchange.exchange_id = change.exchange_id and exchange.account_id = change.account_id
