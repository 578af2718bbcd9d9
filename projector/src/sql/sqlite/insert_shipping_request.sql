-- Keyed by the exchange or the purchase: projecting its event again changes nothing.
insert into shipping_request (
    place, shipping_request_id, type, account_id, exchange_id, purchase_id, lines, deliver_to,
    warehouse, lane, sequence, status, changed_at
)
values (
    ?1, ?2, iif(?4 is null, 1, 2), ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 'requested', ?1
)
on conflict do nothing
