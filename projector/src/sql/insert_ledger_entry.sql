insert into ledger_entry (
    place, account_id, kind, points, cause_kind, cause_id, exchange_id, occurred_at, recorded_at
)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
on conflict do nothing
