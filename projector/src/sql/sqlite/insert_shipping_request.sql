-- Keyed by the exchange or the purchase: projecting its event again changes nothing.
insert into shipping_request (
    place, generation, type, account_id, exchange_id, purchase_id, lines, deliver_to, warehouse,
    lane, sequence, recorded_at, traceparent, lines_left, status, status_since, reason, carrier,
    express_no, crossed, changed_at
)
values (
    ?1, ?2, iif(?4 is null, 1, 2), ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16,
    ?17, ?18, ?19, ?20
)
on conflict do nothing
