insert into credit_part (
    account_id, expires_at, lot, graced, available, held, pending, available_at
)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
