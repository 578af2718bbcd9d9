-- Keyed by the exchange or the purchase: projecting its event again changes nothing.
insert into shipping_request (
    place, generation, account_id, exchange_id, purchase_id, lines, deliver_to, warehouse, lane,
    sequence, recorded_at, traceparent, lines_left, status, status_since, reason, carrier,
    express_no, crossed, changed_at, type
)
select request.*, case when exchange_id is null then 1 else 2 end
from (
    select
        unnest($1::bigint[]) as place, unnest($2::bigint[]) as generation,
        unnest($3::text[]) as account_id, unnest($4::text[]) as exchange_id,
        unnest($5::text[]) as purchase_id, unnest($6::text[]) as lines,
        unnest($7::text[]) as deliver_to, unnest($8::text[]) as warehouse,
        unnest($9::text[]) as lane, unnest($10::bigint[]) as sequence,
        unnest($11::bigint[]) as recorded_at, unnest($12::text[]) as traceparent,
        unnest($13::text[]) as lines_left, unnest($14::text[]) as status,
        unnest($15::bigint[]) as status_since, unnest($16::text[]) as reason,
        unnest($17::text[]) as carrier, unnest($18::text[]) as express_no,
        unnest($19::boolean[]) as crossed, unnest($20::bigint[]) as changed_at
) as request
on conflict do nothing
