insert into credit_lot (account_id, lot, points, remaining, cause_kind, cause_id, recorded_at)
values (?1, ?2, ?3, ?3, ?4, ?5, ?6)
on conflict do nothing
