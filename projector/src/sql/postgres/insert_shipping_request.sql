-- Keyed by the exchange or the purchase: projecting its event again changes nothing.
insert into shipping_request (
    place, shipping_request_id, account_id, exchange_id, purchase_id, lines, deliver_to, warehouse,
    lane, sequence, type, status, changed_at
)
select request.*, case when exchange_id is null then 1 else 2 end, 'requested', place
from unnest(
    $1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
    $8::text[], $9::text[], $10::bigint[]
) as request (
    place, shipping_request_id, account_id, exchange_id, purchase_id, lines, deliver_to, warehouse,
    lane, sequence
)
on conflict do nothing
