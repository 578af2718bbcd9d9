insert into credit_lot (
    lot, account_id, points, cause_kind, cause_id, rule_id, rule_version, reference, recorded_at,
    available_at, expires_at
)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
on conflict do nothing
