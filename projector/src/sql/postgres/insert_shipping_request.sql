-- Keyed by the exchange or the purchase: projecting its event again changes nothing.
insert into shipping_request (
    place, shipping_request_id, account_id, exchange_id, purchase_id, lines, deliver_to, warehouse,
    lane, sequence, type, status, changed_at
)
select request.*, case when exchange_id is null then 1 else 2 end, 'requested', place
from (
    select
        unnest($1::bigint[]) as place, unnest($2::text[]) as shipping_request_id,
        unnest($3::text[]) as account_id, unnest($4::text[]) as exchange_id,
        unnest($5::text[]) as purchase_id, unnest($6::text[]) as lines,
        unnest($7::text[]) as deliver_to, unnest($8::text[]) as warehouse,
        unnest($9::text[]) as lane, unnest($10::bigint[]) as sequence
) as request
on conflict do nothing
