-- Keyed by the exchange: projecting its event again changes nothing.
insert into shipping_request (
    place, shipping_request_id, type, account_id, exchange_id, lines, deliver_to, warehouse,
    lane, sequence, status
)
values (?1, ?2, 2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 'requested')
on conflict do nothing
