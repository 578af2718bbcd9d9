-- Keyed by the exchange: projecting its event again changes nothing.
insert into shipping_request (
    place, shipping_request_id, type, account_id, exchange_id, lines, deliver_to, warehouse,
    lane, sequence, status
)
select
    value ->> 'place', value ->> 'shipping_request_id', 2, value ->> 'account_id',
    value ->> 'exchange_id', value ->> 'lines', value ->> 'deliver_to', value ->> 'warehouse',
    value ->> 'lane', value ->> 'sequence', 'requested'
from json_each(?1)
where true
on conflict do nothing
