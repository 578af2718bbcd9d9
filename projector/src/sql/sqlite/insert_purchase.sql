insert into purchase (
    place, account_id, purchase_id, lines, points, rule_id, rule_version, warehouse,
    returned_points, withdrawn_points, occurred_at, recorded_at
)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, 0, ?9, ?10)
on conflict do nothing
