-- A parcel that left counts for more than what was cancelled before.
update exchange
set
    cancelled_quantity = exchange.cancelled_quantity + change.cancelled_quantity,
    refunded_points = exchange.refunded_points + change.refunded_points,
    status = case
        when change.is_dispatched or exchange.status = 'dispatched' then 'dispatched'
        when exchange.cancelled_quantity + change.cancelled_quantity = exchange.quantity
            then 'cancelled'
        else exchange.status
    end
from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::boolean[])
    as change (account_id, exchange_id, cancelled_quantity, refunded_points, is_dispatched)
where exchange.exchange_id = change.exchange_id and exchange.account_id = change.account_id
