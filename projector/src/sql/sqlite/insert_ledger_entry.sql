insert into ledger_entry (
    place, account_id, kind, points, available, held, pending, cause_kind, cause_id, exchange_id,
    cancellation_id, hold_id, transfer_id, counterparty, withdrawal_kind, withdrawal_id,
    purchase_id, reference, lots, released, occurred_at, recorded_at
)
values (
    ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21,
    ?22
)
on conflict do nothing
