insert into hold (
    place, account_id, hold_id, points, lots, deadline, status, occurred_at, recorded_at
)
values (?1, ?2, ?3, ?4, ?5, ?6, 'held', ?7, ?8)
on conflict do nothing
